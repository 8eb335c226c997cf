// What --help prints, from the option table.

import { CONFIG_OPTION, envName, type CommandSpec, type OptionSpec, type ProgramSpec } from './option-table.ts';

const WIDTH = 100;
const INDENT = '      ';

/** Help of the program as a whole: its commands. */
export function programHelp(program: ProgramSpec): string {
  const widest = Math.max(...program.commands.map(({ name }) => name.length));
  return [
    `Usage: ${program.name} COMMAND [OPTIONS]`,
    '',
    ...wrap(program.summary, WIDTH),
    '',
    'Commands:',
    ...program.commands.map(({ name, summary }) => `  ${name.padEnd(widest)}  ${summary}`),
    '',
    `${program.name} COMMAND --help shows the options of a command; --version shows the release.`,
    '',
  ].join('\n');
}

/** Help of one command: options with what they mean, their defaults and variables, and examples. */
export function commandHelp(program: ProgramSpec, command: CommandSpec): string {
  return [
    `Usage: ${program.name} ${command.name} [OPTIONS]${command.rest === undefined ? '' : ` -- ${command.rest}`}`,
    '',
    ...wrap(command.summary, WIDTH),
    '',
    'Options (a flag wins over its environment variable, that over the configuration file):',
    ...[...command.options, CONFIG_OPTION].flatMap((option) => optionHelp(program, option)),
    ...(command.examples.length === 0 ? [] : ['', 'Examples:']),
    ...command.examples.map((example) => `  ${example}`),
    '',
  ].join('\n');
}

/** How an option is written on the command line: `--listen HOST:PORT`. */
export function optionUsage(option: OptionSpec): string {
  return option.type === 'boolean' ? `--${option.name}` : `--${option.name} ${metavar(option)}`;
}

/** `required`, `default: 30s`, `may be repeated`: what the table says beyond the help text. */
export function optionNotes(option: OptionSpec): readonly string[] {
  const { default: initial } = option;
  return [
    ...(option.required === true ? ['required'] : []),
    ...(option.type === 'list' ? ['may be repeated'] : []),
    ...(initial === undefined || initial === false ? [] : [`default: ${String(initial)}`]),
  ];
}

function optionHelp(program: ProgramSpec, option: OptionSpec): string[] {
  const variable = envName(program, option);
  const notes = [...optionNotes(option), ...(option.secret === true ? [] : [variable])];
  const head = option.secret === true ? `  ${variable} (environment only)` : `  ${optionUsage(option)}`;
  return [head, ...wrap(`${option.help} [${notes.join('; ')}]`.replace(' []', ''), WIDTH, INDENT)];
}

function metavar(option: OptionSpec): string {
  if (option.metavar !== undefined) return option.metavar;
  if (option.choices !== undefined) return option.choices.join('|');
  return { string: 'TEXT', integer: 'N', boolean: '', duration: 'TIME', bytes: 'BYTES', list: 'TEXT', path: 'PATH' }[
    option.type as Exclude<OptionSpec['type'], 'choice'>
  ];
}

function wrap(text: string, width: number, indent = ''): string[] {
  const lines: string[] = [];
  let line = indent;
  for (const word of text.split(' ')) {
    if (line.length + word.length > width && line.trim() !== '') {
      lines.push(line.trimEnd());
      line = indent;
    }
    line += `${word} `;
  }
  return [...lines, line.trimEnd()];
}

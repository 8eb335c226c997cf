// Turns arguments, environment and configuration file into a command's values by the program's option table (door of yargs).

import yargs from 'yargs';

import { PosternError } from '../errors.ts';
import { commandHelp, programHelp } from './option-help.ts';
import { CONFIG_OPTION, camelName, envName } from './option-table.ts';
import type { CommandSpec, OptionSpec, ParsedCommand, ProgramSpec } from './option-table.ts';
import { readJson, readList, readText, type OptionValue, type Reading } from './option-value.ts';
import { VERSION } from './version.ts';

export type { OptionSpec, OptionValues, ParsedCommand, ProgramSpec } from './option-table.ts';

export interface OptionsInput {
  /** Without the program's own name. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** UTF-8 text of a file; throws when it can't be read. */
  readFile(path: string): string;
}

/** Everything that is wrong with the options, all at once. */
export class OptionsProblem extends PosternError {
  readonly program: string;
  readonly problems: readonly string[];

  constructor(program: string, problems: readonly string[]) {
    super('options-invalid', problems.join('; '));
    this.name = 'OptionsProblem';
    this.program = program;
    this.problems = problems;
  }
}

/** Thrown for --help and --version: `text` belongs on standard output, and the exit code is 0. */
export class HelpWanted extends Error {
  readonly text: string;

  constructor(text: string) {
    super('help was asked for');
    this.name = 'HelpWanted';
    this.text = text;
  }
}

/** A value as it was found, and the words that name the place in a problem. */
interface Found {
  readonly where: string;
  readonly reading: Reading;
}

interface Flags {
  readonly values: ReadonlyMap<string, readonly unknown[]>;
  readonly problems: readonly string[];
}

/**
 * The command asked for, with the values of its options: a flag wins over its environment variable, that over the
 * configuration file, that over the default. Throws OptionsProblem with all problems, or HelpWanted.
 */
export function parseOptions<const Program extends ProgramSpec>(
  program: Program,
  input: OptionsInput,
): ParsedCommand<Program> {
  const separator = input.argv.indexOf('--');
  const own = separator < 0 ? input.argv : input.argv.slice(0, separator);
  const rest = separator < 0 ? [] : input.argv.slice(separator + 1);
  const command = chooseCommand(program, own);

  const flags = readFlags(command, own.slice(command.name.split(' ').length));
  const config = readConfig(program, input, flags);
  const problems = [
    ...flags.problems,
    ...foreignVariables(program, input.env),
    ...config.problems,
    ...restProblems(command, rest),
  ];
  const values: Record<string, OptionValue | undefined> = {};
  for (const option of command.options) {
    const found = fromFlags(option, flags) ?? fromEnv(program, option, input.env) ?? fromConfig(option, config);
    const { value, problem } = settle(program, option, found);
    values[camelName(option.name)] = value;
    if (problem !== undefined) problems.push(problem);
  }
  if (problems.length === 0) problems.push(...(command.check?.(values as never) ?? []));
  if (problems.length > 0) throw new OptionsProblem(`${program.name} ${command.name}`, problems);
  return { command: command.name, values, rest } as unknown as ParsedCommand<Program>;
}

/** The command that the leading words name; throws HelpWanted where help or version was asked for. */
function chooseCommand(program: ProgramSpec, argv: readonly string[]): CommandSpec {
  const words: string[] = [];
  for (const word of argv) {
    if (word.startsWith('-')) break;
    words.push(word);
  }
  const command = program.commands
    .filter(({ name }) => name.split(' ').every((word, index) => words[index] === word))
    .toSorted((a, b) => b.name.length - a.name.length)[0];
  if (argv.includes('--version')) throw new HelpWanted(`${program.name} ${VERSION}\n`);
  if (argv.includes('--help') || argv.includes('-h'))
    throw new HelpWanted(command === undefined ? programHelp(program) : commandHelp(program, command));
  if (command !== undefined) return command;
  const known = program.commands.map(({ name }) => name).join(', ');
  const asked = words.length === 0 ? 'no command given' : `unknown command "${words.join(' ')}"`;
  throw new OptionsProblem(program.name, [`${asked}; the commands are: ${known}`]);
}

function readFlags(command: CommandSpec, argv: readonly string[]): Flags {
  const options = [...command.options.filter(({ secret }) => secret !== true), CONFIG_OPTION];
  const booleans = options.filter(({ type }) => type === 'boolean').map(({ name }) => name);
  const parsed = yargs()
    .help(false)
    .version(false)
    .exitProcess(false)
    .parserConfiguration({
      'camel-case-expansion': false,
      'dot-notation': false,
      'short-option-groups': false,
      'parse-numbers': false,
      'parse-positional-numbers': false,
      'duplicate-arguments-array': true,
    })
    .string(options.map(({ name }) => name).filter((name) => !booleans.includes(name)))
    .boolean(booleans)
    .parseSync(argv.filter((word) => !isInherited(word))) as Record<string, unknown>;

  const known = new Set(options.map(({ name }) => name));
  const given = Object.entries(parsed).filter(([key]) => key !== '_' && key !== '$0');
  const words = (parsed['_'] as readonly unknown[]).map((word) => `unexpected argument "${String(word)}"`);
  const strangers = given
    .filter(([key]) => !known.has(key))
    .map(([key]) => `${key.length === 1 ? '-' : '--'}${key}: there is no such option`);
  const inherited = argv.filter(isInherited).map((word) => `${word}: there is no such option`);
  // yargs reads --flag=anything as false.
  const odd = argv
    .filter((word) => booleans.some((name) => word.startsWith(`--${name}=`)) && !/=(true|false)$/.test(word))
    .map((word) => `${word}: the value is neither true nor false`);
  return {
    values: new Map(given.map(([key, value]) => [key, Array.isArray(value) ? value : [value]])),
    problems: [...words, ...strangers, ...inherited, ...odd],
  };
}

/** yargs looks flags up in plain objects: --constructor would make it throw a TypeError. */
function isInherited(word: string): boolean {
  return word.startsWith('-') && word.replace(/^-+(no-)?/, '').replace(/=.*$/s, '') in Object.prototype;
}

function fromFlags(option: OptionSpec, flags: Flags): Found | undefined {
  const given = flags.values.get(option.name);
  if (given === undefined || option.secret === true) return undefined;
  const where = `--${option.name}`;
  if (option.type === 'list') return { where, reading: readList(given.map(String)) };
  if (given.length > 1) return { where, reading: { problem: 'given more than once' } };
  if (option.type === 'boolean') return { where, reading: { value: given[0] === true } };
  // --no-listen comes as false, --listen without a value as an empty text.
  if (typeof given[0] !== 'string' || given[0] === '') return { where, reading: { problem: 'needs a value' } };
  return { where, reading: readText(option, given[0]) };
}

function fromEnv(program: ProgramSpec, option: OptionSpec, env: OptionsInput['env']): Found | undefined {
  const where = envName(program, option);
  const text = env[where];
  // An empty variable means "not set": job scripts write POSTERN_X= to clear one.
  return text === undefined || text === '' ? undefined : { where, reading: conceal(option, readText(option, text)) };
}

/** A problem of a secret must not repeat what was given. */
function conceal(option: OptionSpec, reading: Reading): Reading {
  return option.secret === true && 'problem' in reading ? { problem: 'is not usable' } : reading;
}

interface Config {
  readonly path: string;
  readonly values: ReadonlyMap<string, unknown>;
  readonly problems: readonly string[];
}

/** The configuration file's keys; those of other commands of the program are fine, so that one file serves them all. */
function readConfig(program: ProgramSpec, input: OptionsInput, flags: Flags): Config {
  const found = fromFlags(CONFIG_OPTION, flags) ?? fromEnv(program, CONFIG_OPTION, input.env);
  const none = { path: '', values: new Map<string, unknown>(), problems: [] };
  if (found === undefined) return none;
  if ('problem' in found.reading) return { ...none, problems: [`${found.where}: ${found.reading.problem}`] };
  const path = String(found.reading.value);
  try {
    const json: unknown = JSON.parse(input.readFile(path));
    if (typeof json !== 'object' || json === null || Array.isArray(json)) throw new Error('not a JSON object');
    const allowed = new Set(
      program.commands.flatMap(({ options }) => options.filter((o) => o.secret !== true).map((o) => o.name)),
    );
    const values = new Map<string, unknown>(Object.entries(json));
    const strangers = [...values.keys()].filter((key) => !allowed.has(key));
    return { path, values, problems: strangers.map((key) => `${path}: "${key}": there is no such option`) };
  } catch (error) {
    return { ...none, problems: [`${found.where}: cannot use ${path}: ${(error as Error).message}`] };
  }
}

function fromConfig(option: OptionSpec, config: Config): Found | undefined {
  if (!config.values.has(option.name) || option.secret === true) return undefined;
  return {
    where: `${config.path}: "${option.name}"`,
    reading: readJson(option, config.values.get(option.name)),
  };
}

/** The value that counts in the end, checked; or the problem with it. */
function settle(
  program: ProgramSpec,
  option: OptionSpec,
  found: Found | undefined,
): { value?: OptionValue | undefined; problem?: string } {
  if (found === undefined) return withoutValue(program, option);
  if ('problem' in found.reading) return { problem: `${found.where}: ${found.reading.problem}` };
  const { value } = found.reading;
  const objection = option.check?.(value as never);
  return objection === undefined ? { value } : { problem: `${found.where}: ${objection}` };
}

function withoutValue(program: ProgramSpec, option: OptionSpec): { value?: OptionValue | undefined; problem?: string } {
  const variable = envName(program, option);
  if (option.required === true)
    return {
      problem: option.secret === true ? `${variable} is needed` : `--${option.name} (or ${variable}) is needed`,
    };
  if (option.default === undefined)
    return { value: option.type === 'list' ? [] : option.type === 'boolean' ? false : undefined };
  const reading = readJson(option, option.default);
  return 'value' in reading ? reading : { problem: `--${option.name}: its own default ${reading.problem}` };
}

function foreignVariables(program: ProgramSpec, env: OptionsInput['env']): string[] {
  const known = new Set([
    envName(program, CONFIG_OPTION),
    ...(program.foreignEnv ?? []),
    ...program.commands.flatMap(({ options }) => options.map((option) => envName(program, option))),
  ]);
  return Object.keys(env)
    .filter((name) => name.startsWith(program.env) && !known.has(name))
    .map((name) => `${name}: there is no such option`);
}

function restProblems(command: CommandSpec, rest: readonly string[]): string[] {
  if (command.rest === undefined) return rest.length === 0 ? [] : [`nothing may follow -- here, but "${rest[0]}" does`];
  return rest.length === 0 ? [`${command.rest} is needed after --`] : [];
}

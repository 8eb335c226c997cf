// A small option table with one option of every type, for the tests beside it.

import { parseOptions, type OptionsInput, type ProgramSpec } from '../../../shared/program/options.ts';
import { OptionsProblem } from '../../../shared/program/options.ts';

export const SAMPLE = {
  name: 'postern-sample',
  env: 'SAMPLE_',
  foreignEnv: ['SAMPLE_BIN'],
  summary: 'Shows what options can be.',
  commands: [
    {
      name: 'serve',
      summary: 'Serve.',
      examples: ['postern-sample serve --domain notebooks.example.org'],
      options: [
        { name: 'domain', type: 'string', required: true, help: 'The domain.', check: upperCase },
        { name: 'tls-cert', type: 'path', metavar: 'FILE', help: 'The certificate.' },
        { name: 'streams', type: 'integer', default: 100, help: 'How many streams.' },
        { name: 'quiet', type: 'boolean', help: 'Say less.' },
        { name: 'idle', type: 'duration', default: '30s', help: 'How long.' },
        { name: 'credit', type: 'bytes', default: '256KiB', help: 'How much.' },
        { name: 'peer', type: 'list', help: 'With whom.' },
        { name: 'access', type: 'choice', choices: ['private', 'public'], default: 'private', help: 'For whom.' },
        { name: 'password', type: 'string', secret: true, help: 'The password.', check: upperCase },
      ],
      check: (values: { readonly streams: number; readonly quiet: boolean }) =>
        values.quiet && values.streams === 7 ? ['--quiet does not go with 7 streams'] : [],
    },
    {
      name: 'token create',
      summary: 'Make one.',
      examples: [],
      options: [{ name: 'owner', type: 'string', help: 'Whose.' }],
    },
    { name: 'run', summary: 'Run.', examples: [], options: [], rest: 'COMMAND ...' },
  ],
} as const satisfies ProgramSpec;

function upperCase(value: string): string | undefined {
  return value === value.toLowerCase() ? undefined : 'is not in lower case';
}

/** Parses a line of arguments; files are given by name. */
export function parse(line: string, given: { env?: OptionsInput['env']; files?: Record<string, unknown> } = {}) {
  const files = new Map(Object.entries(given.files ?? {}));
  return parseOptions(SAMPLE, {
    argv: line.split(' ').filter((word) => word !== ''),
    env: given.env ?? {},
    readFile(path) {
      if (!files.has(path)) throw new Error('no such file');
      const content = files.get(path);
      return typeof content === 'string' ? content : JSON.stringify(content);
    },
  });
}

/** The values of `serve`. */
export function serve(line: string, given: Parameters<typeof parse>[1] = {}) {
  const parsed = parse(`serve ${line}`, given);
  if (parsed.command !== 'serve') throw new Error(`read as ${parsed.command}`);
  return parsed.values;
}

/** The problems that a line has. */
export function problems(line: string, given: Parameters<typeof parse>[1] = {}): readonly string[] {
  try {
    parse(line, given);
    return [];
  } catch (error) {
    if (error instanceof OptionsProblem) return error.problems;
    throw error;
  }
}

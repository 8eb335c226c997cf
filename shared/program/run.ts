// Runs a program's main function with what the process gave it, turns what it throws into words, and is the only place that exits.

import { readFileSync } from 'node:fs';

import { PosternError } from '../errors.ts';
import { HelpWanted, OptionsProblem } from './options.ts';

/** What a program may know of its process; tests make their own. */
export interface ProgramContext {
  /** Without node and the script. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  readFile(path: string): string;
}

/** Exit codes of ours; a notebook's own code is passed on as it is. */
export const EXIT = { ok: 0, failed: 1, options: 2 } as const;

/** First release in which everything that is used here is there without a flag. */
const OLDEST_NODE = [24, 2] as const;

/** True for a Node.js release that would fail in the middle, or in silence. */
export function isTooOld(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major < OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor < OLDEST_NODE[1]);
}

/** Runs `main`; the process then exits with the code that it resolved to, whatever is still open. */
export function runProgram(main: (context: ProgramContext) => Promise<number>): void {
  const context = processContext();
  if (isTooOld(process.versions.node)) {
    context.stderr.write(
      `This needs Node.js ${OLDEST_NODE.join('.')} or newer; it was started with ${process.version}.\n`,
    );
    process.exit(EXIT.failed);
  }
  // A reader that went away (`postern-agent ... | head`) is no reason for a stack trace.
  process.stdout.on('error', () => {});
  process.stderr.on('error', () => {});
  process.on('unhandledRejection', (error) => leave(context, error));
  process.on('uncaughtException', (error) => leave(context, error));
  main(context).then(
    (code) => process.exit(code),
    (error: unknown) => leave(context, error),
  );
}

/** What a person reads of an error that ended the program, and the exit code it stands for. */
export function explain(error: unknown): {
  readonly text: string;
  readonly code: number;
  readonly stream: 'stdout' | 'stderr';
} {
  if (error instanceof HelpWanted) return { text: error.text, code: EXIT.ok, stream: 'stdout' };
  if (error instanceof OptionsProblem) {
    const lines = error.problems.map((problem) => `  ${problem}\n`).join('');
    const head =
      error.problems.length === 1 ? 'the options have a problem' : `the options have ${error.problems.length} problems`;
    return {
      text: `${error.program}: ${head}:\n${lines}See ${error.program} --help.\n`,
      code: EXIT.options,
      stream: 'stderr',
    };
  }
  if (error instanceof PosternError) {
    const code = error.code === 'options-invalid' ? EXIT.options : EXIT.failed;
    return { text: `${error.message} (${error.code})\n${error.entry.advice}\n`, code, stream: 'stderr' };
  }
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { text: `Something unexpected went wrong:\n${stack}\n`, code: EXIT.failed, stream: 'stderr' };
}

function processContext(): ProgramContext {
  return {
    argv: process.argv.slice(2),
    env: process.env,
    stdout: process.stdout,
    stderr: process.stderr,
    readFile: (path) => readFileSync(path, 'utf8'),
  };
}

function leave(context: ProgramContext, error: unknown): never {
  const { text, code, stream } = explain(error);
  context[stream].write(text);
  process.exit(code);
}

// The command as a child process: started without a shell, on the agent's own terminal, signals passed to it.

import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { constants } from 'node:os';

import { PosternError } from '../shared/errors.ts';

export interface ChildOptions {
  readonly words: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Standard input, output and error; the agent's own unless told otherwise. */
  readonly stdio?: 'inherit' | 'ignore';
}

export class Child {
  readonly pid: number;
  /** The exit code, or 128 and the signal's number, as a shell counts it. Never rejects. */
  readonly exited: Promise<number>;
  readonly #process: ChildProcess;

  constructor(process: ChildProcess) {
    this.#process = process;
    this.pid = process.pid as number;
    this.exited = new Promise((resolve) => {
      process.once('exit', (code, signal) => resolve(exitCode(code, signal)));
    });
  }

  /** To the command itself; whatever it started is its own affair. Nothing happens once it has ended. */
  signal(signal: NodeJS.Signals): void {
    if (this.#process.exitCode === null && this.#process.signalCode === null) this.#process.kill(signal);
  }
}

/**
 * Rejects with `options-invalid` when the command can't be started. The child shares the agent's process group, so a
 * terminal's Ctrl-C reaches both; on Linux the kernel sends it SIGTERM if the agent dies without a word (kill -9).
 */
export async function startChild(options: ChildOptions): Promise<Child> {
  const guarded = [...deathWatch(), ...options.words] as [string, ...string[]];
  const [program, ...args] = guarded;
  const process = spawn(program, args, { env: options.env, stdio: options.stdio ?? 'inherit', shell: false });
  await new Promise<void>((resolve, reject) => {
    process.once('spawn', resolve);
    process.once('error', (cause) => {
      const detail = `${options.words[0]} cannot be started: ${cause.message}`;
      reject(new PosternError('options-invalid', detail, { cause }));
    });
  });
  // A signal that can't be sent any more is no reason to end.
  process.on('error', () => {});
  return new Child(process);
}

/** util-linux's setpriv sets the parent-death signal and becomes the command (same pid); where it can't, we go without. */
function deathWatch(): string[] {
  const prefix = ['--pdeathsig', 'TERM', '--'];
  const probe = spawnSync('setpriv', [...prefix, 'true'], { stdio: 'ignore', timeout: 5000 });
  return probe.status === 0 ? ['setpriv', ...prefix] : [];
}

const SIGNAL_BASE = 128;

function exitCode(code: number | null, signal: NodeJS.Signals | null): number {
  return signal === null ? (code ?? 1) : SIGNAL_BASE + (constants.signals[signal] ?? 0);
}

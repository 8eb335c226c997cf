// The command as a child process: started without a shell, on the agent's own terminal, signals passed to it.

import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { constants } from 'node:os';

import type { Log } from '../shared/program/log.ts';

export interface ChildOptions {
  readonly words: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly log: Log;
}

export class Child {
  /** The exit code as a shell counts it: 128 and the signal's number, 127 for a command that isn't there. Never rejects. */
  readonly exited: Promise<number>;
  readonly #process: ChildProcess;
  #over = false;

  constructor(process: ChildProcess, exited: Promise<number>) {
    this.#process = process;
    this.exited = exited;
    void exited.then(() => (this.#over = true));
  }

  /** To the command itself; whatever it started is its own affair. Nothing happens once it has ended. */
  signal(signal: NodeJS.Signals): void {
    if (!this.#over) this.#process.kill(signal);
  }
}

const SIGNAL_BASE = 128;
const NOT_EXECUTABLE = 126;
const NOT_FOUND = 127;

/**
 * Starts the command on the agent's own standard streams. It shares the agent's process group, so that a terminal's
 * Ctrl-C reaches both; on Linux the kernel sends it SIGTERM if the agent dies without a word (kill -9).
 */
export function startChild({ words, env, log }: ChildOptions): Child {
  const [program, ...args] = [...deathWatch(), ...words] as [string, ...string[]];
  const process = spawn(program, args, { env, stdio: 'inherit', shell: false });
  const exited = new Promise<number>((resolve) => {
    process.once('exit', (code, signal) => resolve(exitCode(code, signal)));
    process.on('error', (error: NodeJS.ErrnoException) => {
      // Also a signal that could not be sent is told here.
      if (process.pid !== undefined) return;
      log.error({ command: words[0] }, `The command cannot be started: ${error.message}`);
      resolve(error.code === 'ENOENT' ? NOT_FOUND : NOT_EXECUTABLE);
    });
  });
  return new Child(process, exited);
}

/** util-linux's setpriv sets the parent-death signal and becomes the command (same pid); where it can't, we go without. */
function deathWatch(): string[] {
  const prefix = ['--pdeathsig', 'TERM', '--'];
  const probe = spawnSync('setpriv', [...prefix, 'true'], { stdio: 'ignore', timeout: 5000 });
  return probe.status === 0 ? ['setpriv', ...prefix] : [];
}

function exitCode(code: number | null, signal: NodeJS.Signals | null): number {
  return signal === null ? (code ?? 1) : SIGNAL_BASE + (constants.signals[signal] ?? 0);
}

// A program run as a child in a process group of its own: its lines can be awaited, its end too, and nothing of it is left.

import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';

export interface ChildOptions {
  /** For messages: `bastion`, `agent`. */
  readonly name: string;
  readonly command: readonly string[];
  readonly cwd?: string;
  readonly env?: Record<string, string | undefined>;
  /** Sees every line of both outputs as it comes. */
  onLine?(line: string, source: 'stdout' | 'stderr'): void;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

const KEPT_LINES = 2000;
const LINES_IN_MESSAGES = 15;
const CLOSE_MS = 500;

/** Groups that are alive, killed when this process exits in whatever way it can still notice. */
const alive = new Set<number>();
process.on('exit', () => {
  for (const pid of alive) signalGroup(pid, 'SIGKILL');
});

/**
 * This process's environment without our own variables (the programs refuse those that name no option of theirs),
 * and with the additions.
 */
export function childEnvironment(additions: Record<string, string | undefined> = {}): Record<string, string> {
  const all = { ...process.env, ...additions };
  const kept = Object.entries(all).filter(([key, value]) => value !== undefined && !isOurs(key, additions));
  return Object.fromEntries(kept) as Record<string, string>;
}

function isOurs(key: string, additions: Record<string, string | undefined>): boolean {
  return key.startsWith('POSTERN_') && !(key in additions);
}

export class Child {
  readonly name: string;
  readonly pid: number;
  /** How it ended; `code` is null when a signal ended it. Never rejects. */
  readonly exited: Promise<Exit>;
  readonly #process: ChildProcess;
  readonly #lines: string[] = [];
  readonly #watchers = new Set<(line: string) => void>();
  #exit: Exit | undefined;

  constructor(options: ChildOptions) {
    const [program, ...args] = options.command;
    this.name = options.name;
    this.#process = spawn(program as string, args, {
      // A group of its own: Ctrl-C reaches only us, and we stop things in the right order.
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: options.env ?? childEnvironment(),
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    });
    this.pid = this.#process.pid ?? 0;
    if (this.pid > 0) alive.add(this.pid);
    this.exited = new Promise((resolve) => {
      this.#process.once('error', (error) => {
        this.#lines.push(error.message);
        this.#ended({ code: 127, signal: null }, resolve);
      });
      this.#process.once('exit', (code, signal) => this.#ended({ code, signal }, resolve));
    });
    this.#read('stdout', options);
    this.#read('stderr', options);
  }

  get running(): boolean {
    return this.#exit === undefined;
  }

  /** What it said last, for error messages. */
  get lastWords(): string {
    return this.#lines.slice(-LINES_IN_MESSAGES).join('\n');
  }

  /** The first line, said already or to come, for which `match` answers something; rejects at its end or after `timeoutMs`. */
  async line<T>(match: (line: string) => T | undefined, timeoutMs: number): Promise<T> {
    for (const line of this.#lines) {
      const found = match(line);
      if (found !== undefined) return found;
    }
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const watch = (line: string): void => {
      const found = match(line);
      if (found !== undefined) resolve(found);
    };
    const timer = setTimeout(() => reject(this.#failure(`did not get ready within ${timeoutMs / 1000} s`)), timeoutMs);
    this.#watchers.add(watch);
    void this.exited.then((exit) => reject(this.#failure(`ended (${exit.signal ?? exit.code})`)));
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      this.#watchers.delete(watch);
    }
  }

  /** SIGTERM, and SIGKILL to the whole group when it has not ended after `deadlineMs`. */
  async stop(deadlineMs = 10_000, signal: NodeJS.Signals = 'SIGTERM'): Promise<Exit> {
    if (this.running) this.#process.kill(signal);
    const timer = setTimeout(() => signalGroup(this.pid, 'SIGKILL'), deadlineMs);
    const exit = await this.exited;
    clearTimeout(timer);
    return exit;
  }

  /** Sends a signal to the program alone, not to what it started. */
  signal(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  #read(source: 'stdout' | 'stderr', options: ChildOptions): void {
    const stream = this.#process[source];
    if (stream === null) return;
    createInterface({ input: stream }).on('line', (line) => {
      this.#lines.push(line);
      if (this.#lines.length > KEPT_LINES) this.#lines.shift();
      options.onLine?.(line, source);
      for (const watch of this.#watchers) watch(line);
    });
  }

  #ended(exit: Exit, resolve: (exit: Exit) => void): void {
    this.#exit ??= exit;
    // What the program started and left behind is stopped with it.
    signalGroup(this.pid, 'SIGKILL');
    alive.delete(this.pid);
    // The last lines come before 'close', which never comes while a runaway in another group holds the pipe.
    const timer = setTimeout(() => resolve(exit), CLOSE_MS);
    this.#process.once('close', () => {
      clearTimeout(timer);
      resolve(exit);
    });
  }

  #failure(what: string): Error {
    return new Error(`${this.name} ${what}; it said last:\n${this.lastWords}`);
  }
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  if (pid <= 0) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // The group is gone already.
  }
}

/** Runs a command to its end; `output` holds both its outputs. */
export async function runToEnd(options: ChildOptions): Promise<Exit & { output: string }> {
  const lines: string[] = [];
  const child = new Child({
    ...options,
    onLine(line, source) {
      lines.push(line);
      options.onLine?.(line, source);
    },
  });
  const exit = await child.exited;
  return { ...exit, output: lines.join('\n') };
}

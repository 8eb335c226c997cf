// Calls between the benchmark and its helper processes, over Node's own channel between parent and child.

import { fork, type ChildProcess } from 'node:child_process';
import { childEnvironment } from '../../contrib/demo/child.ts';
import { MARKER } from '../../contrib/demo/leftovers.ts';

/** What a helper process can be asked for: each call has one argument and one answer, both of JSON. */
export type Calls = Readonly<Record<string, (argument: never) => unknown>>;

interface Question {
  readonly call: number;
  readonly name: string;
  readonly argument: unknown;
}

interface Answer {
  readonly call: number;
  readonly result?: unknown;
  readonly problem?: string;
}

/** In a helper process: answers the parent's calls. Without a parent it ends, unless something else keeps it running. */
export function answerCalls(calls: Calls): void {
  process.on('message', (message: Question) => {
    void answerTo(calls, message).then((answer) => process.send?.(answer));
  });
  process.once('disconnect', () => process.exit());
}

async function answerTo(calls: Calls, { call, name, argument }: Question): Promise<Answer> {
  try {
    const asked = calls[name];
    if (asked === undefined) throw new Error(`nobody answers ${name}`);
    return { call, result: await asked(argument as never) };
  } catch (error) {
    return { call, problem: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
}

export interface HelperOptions {
  readonly program: string;
  readonly args?: readonly string[];
  /** For Node itself. */
  readonly node?: readonly string[];
  /** Marks the processes of the run. */
  readonly id: string;
  readonly folder?: string;
}

/** Lines of output that are kept for messages. */
const KEPT_LINES = 20;

/** A process that answers calls; ended by `stop`, and with this process. */
export class Helper {
  readonly #process: ChildProcess;
  readonly #open = new Map<number, PromiseWithResolvers<unknown>>();
  readonly #lines: string[] = [];
  readonly #watched = new Map<string, number>();
  #rest = '';
  readonly #ended: Promise<void>;
  #calls = 0;

  constructor({ program, args = [], node = [], id, folder }: HelperOptions) {
    this.#process = fork(program, args, {
      execArgv: [...node],
      env: childEnvironment({ [MARKER]: id, ...(folder === undefined ? {} : { TMPDIR: folder }) }),
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    for (const output of [this.#process.stdout, this.#process.stderr])
      output?.setEncoding('utf8').on('data', (text: string) => this.#heard(text));
    this.#process.on('message', (message: Answer) => this.#answered(message));
    this.#ended = new Promise((resolve) => this.#process.once('exit', () => resolve()));
    void this.#ended.then(() => {
      for (const { reject } of this.#open.values()) reject(new Error(`${program} has ended:\n${this.lastWords}`));
      this.#open.clear();
    });
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  get lastWords(): string {
    return this.#lines.join('\n');
  }

  /** Lines of output from now on that hold `text`; asked for again, how many there were. */
  count(text: string): number {
    const found = this.#watched.get(text) ?? 0;
    this.#watched.set(text, found);
    return found;
  }

  call<T>(name: string, argument?: unknown): Promise<T> {
    const call = (this.#calls += 1);
    const answer = Promise.withResolvers<unknown>();
    this.#open.set(call, answer);
    this.#process.send({ call, name, argument } satisfies Question, (error) => {
      if (error !== null) answer.reject(error);
    });
    return answer.promise.finally(() => this.#open.delete(call)) as Promise<T>;
  }

  async stop(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    this.#process.kill(signal);
    await this.#ended;
  }

  #answered({ call, result, problem }: Answer): void {
    const open = this.#open.get(call);
    if (problem === undefined) open?.resolve(result);
    else open?.reject(new Error(problem));
  }

  #heard(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const [watched, found] of this.#watched)
      this.#watched.set(watched, found + lines.filter((line) => line.includes(watched)).length);
    this.#lines.push(...lines);
    if (this.#lines.length > KEPT_LINES) this.#lines.splice(0, this.#lines.length - KEPT_LINES);
  }
}

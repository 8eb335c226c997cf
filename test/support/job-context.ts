// What a job may look at, made up: variables, files, and programs that only answer what they were told to.

import type { JobContext } from '../../agent/job/job.ts';

export interface MadeUp {
  readonly env?: Record<string, string>;
  /** Path -> text; written at `now`, unless the text comes with a time. */
  readonly files?: Record<string, string | { text: string; writtenAt: number }>;
  /** What a program answers to its arguments; undefined: it failed. */
  readonly ask?: (
    program: string,
    args: readonly string[],
    env?: Readonly<Record<string, string>>,
  ) => string | undefined;
}

export const NOW = 1_800_000_000_000;

export interface MadeUpContext extends JobContext {
  /** Every program that was asked, with its arguments. */
  readonly asked: string[][];
}

export function madeUp({ env = {}, files = {}, ask = () => undefined }: MadeUp): MadeUpContext {
  const asked: string[][] = [];
  return {
    env,
    hostname: 'here.example.org',
    user: 'me',
    now: () => NOW,
    readFile: (path) => {
      const file = files[path];
      return typeof file === 'string' ? { text: file, writtenAt: NOW } : file;
    },
    ask: (program, args, more) => {
      asked.push([program, ...args]);
      return Promise.resolve(ask(program, args, more));
    },
    asked,
  };
}

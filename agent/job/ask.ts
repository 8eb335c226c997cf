// What jobs may look at of the real machine: files, and the batch system's own programs, which must not keep the agent waiting.

import { execFile } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { hostname, userInfo } from 'node:os';

import type { JobContext } from './job.ts';

const PATIENCE_MS = 10_000;
const LONGEST_ANSWER = 1024 * 1024;

export function jobContext(env: JobContext['env']): JobContext {
  return {
    env,
    hostname: hostname(),
    user: userName(),
    now: Date.now,
    readFile: (path) => {
      try {
        return { text: readFileSync(path, 'utf8'), writtenAt: statSync(path).mtimeMs };
      } catch {
        return undefined;
      }
    },
    ask: (program, args, more = {}) =>
      new Promise((resolve) => {
        const options = { env: { ...env, ...more }, timeout: PATIENCE_MS, maxBuffer: LONGEST_ANSWER };
        execFile(program, [...args], options, (error, stdout) => resolve(error === null ? stdout : undefined));
      }),
  };
}

/** A container may know no name for the user's number. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return '';
  }
}

// Finds processes that a run has left behind: every child inherits a marker in its environment, and /proc shows it.

import { readFileSync, readdirSync } from 'node:fs';

/** The environment variable that marks a run's processes. */
export const MARKER = 'DEMO_RUN';

export interface Leftover {
  readonly pid: number;
  readonly command: string;
}

/** The processes, other than this one, that carry the marker; always empty where there is no /proc. */
export function leftovers(run: string): Leftover[] {
  return processIds()
    .filter((pid) => pid !== process.pid && read(pid, 'environ').split('\0').includes(`${MARKER}=${run}`))
    .map((pid) => ({ pid, command: read(pid, 'cmdline').replaceAll('\0', ' ').trim() }))
    .filter(({ command }) => command !== '');
}

/** Kills what a run left behind, and says what that was. */
export function killLeftovers(run: string): Leftover[] {
  const found = leftovers(run);
  for (const { pid } of found) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // Ended by itself meanwhile.
    }
  }
  return found;
}

/** Waits until none is left, `deadlineMs` at most; answers those that are. */
export async function awaitNone(run: string, deadlineMs: number): Promise<Leftover[]> {
  const end = Date.now() + deadlineMs;
  for (;;) {
    const found = leftovers(run);
    if (found.length === 0 || Date.now() > end) return found;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function processIds(): number[] {
  try {
    return readdirSync('/proc')
      .map(Number)
      .filter((pid) => Number.isInteger(pid));
  } catch {
    return [];
  }
}

function read(pid: number, file: 'environ' | 'cmdline'): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    // Ended since, or another user's.
    return '';
  }
}

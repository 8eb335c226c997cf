// How much memory a process holds once garbage is gone.

import { readFileSync, readdirSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

/** Bytes. */
export interface Memory {
  readonly resident: number;
  /** Of it, what no file backs: heaps of V8 and of everything else. */
  readonly anonymous: number;
  readonly heap: number;
  /** Of the heap, pages that V8 holds, used or not. */
  readonly committed: number;
  readonly external: number;
  readonly descriptors: number;
}

/** Compacts as well, and gives back the pages that are left empty: what V8 otherwise does when it has been idle for long. */
type Collect = (options: { type: 'major'; execution: 'sync'; flavor: 'last-resort' }) => void;
const collect = globalThis.gc as Collect | undefined;
/** Several collections, with time between them for what is closing and for V8 to give pages back. */
const COLLECTIONS = 4;
const BETWEEN_MS = 300;

export async function settledMemory(): Promise<Memory> {
  for (let count = 0; count < COLLECTIONS; count += 1) {
    collect?.({ type: 'major', execution: 'sync', flavor: 'last-resort' });
    await delay(BETWEEN_MS);
  }
  const { rss, heapUsed, heapTotal, external } = process.memoryUsage();
  const rollup = readFileSync('/proc/self/smaps_rollup', 'utf8');
  const anonymous = Number(/^Anonymous:\s+([0-9]+) kB$/m.exec(rollup)?.[1] ?? 0) * 1024;
  const descriptors = readdirSync('/proc/self/fd').length;
  return { resident: rss, anonymous, heap: heapUsed, committed: heapTotal, external, descriptors };
}

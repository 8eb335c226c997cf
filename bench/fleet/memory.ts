// How much memory a process holds once garbage is gone.

import { readFileSync, readdirSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

/** Bytes. */
export interface Memory {
  readonly resident: number;
  /** Of it, what no file backs: heaps of V8 and of everything else. */
  readonly anonymous: number;
  readonly heap: number;
  readonly external: number;
  readonly descriptors: number;
}

/** Several collections, with time between them for what is closing and for V8 to give pages back. */
const COLLECTIONS = 4;
const BETWEEN_MS = 300;

export async function settledMemory(): Promise<Memory> {
  for (let count = 0; count < COLLECTIONS; count += 1) {
    globalThis.gc?.();
    await delay(BETWEEN_MS);
  }
  const { rss, heapUsed, external } = process.memoryUsage();
  const rollup = readFileSync('/proc/self/smaps_rollup', 'utf8');
  const anonymous = Number(/^Anonymous:\s+([0-9]+) kB$/m.exec(rollup)?.[1] ?? 0) * 1024;
  const descriptors = readdirSync('/proc/self/fd').length;
  return { resident: rss, anonymous, heap: heapUsed, external, descriptors };
}

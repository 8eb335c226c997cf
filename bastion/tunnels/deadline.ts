// A moment by the wall clock, however far away, with a warning before it: a tunnel ends when its credential does.

import type { Clock } from '../../shared/mux/clock.ts';

/** Timers of Node overflow after 24.8 days, and wall clocks are set: so it looks again at least this often, in milliseconds. */
const LOOK_AGAIN_MS = 600_000;

export interface DeadlineOptions {
  /** Unix milliseconds. */
  readonly at: number;
  readonly warnBeforeMs: number;
  readonly clock: Clock;
  /** Unix milliseconds. */
  readonly now: () => number;
  /** Called once, `warnBeforeMs` or less before the end. */
  warn(remainingMs: number): void;
  reached(): void;
}

/** Calls `warn`, then `reached`, never within this call; returns what cancels both. */
export function watchDeadline(options: DeadlineOptions): () => void {
  let warned = false;
  let handle: unknown;
  const look = (): void => {
    const remaining = options.at - options.now();
    if (remaining <= 0) return options.reached();
    if (!warned && remaining <= options.warnBeforeMs) {
      warned = true;
      options.warn(remaining);
    }
    const next = warned ? remaining : remaining - options.warnBeforeMs;
    handle = options.clock.setTimeout(look, Math.min(next, LOOK_AGAIN_MS));
  };
  handle = options.clock.setTimeout(look, 0);
  return () => options.clock.clearTimeout(handle);
}

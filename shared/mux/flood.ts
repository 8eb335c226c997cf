// The flood limit: how many frames that cost this end something, and the peer nothing, it may send in a while.

import { PosternError } from '../errors.ts';
import type { Clock } from './clock.ts';

/** PING, INFO, GOAWAY and senseless OPEN frames within WITHIN_MS, before it counts as a flood. */
export const FLOOD_FRAMES = 500;
const WITHIN_MS = 10_000;

export class FloodLimit {
  readonly #clock: Clock;
  #since = -Infinity;
  #count = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Counts one more; throws `flood` when that is too many. */
  count(): void {
    const now = this.#clock.now();
    if (now - this.#since > WITHIN_MS) {
      this.#since = now;
      this.#count = 0;
    }
    if (++this.#count > FLOOD_FRAMES) throw new PosternError('flood');
  }
}

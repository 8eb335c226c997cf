// The flood limit: how many frames that cost this end something, and the peer nothing, it may send in a while.

import { PosternError } from '../errors.ts';
import type { Clock } from './clock.ts';

/** PING, INFO, GOAWAY and senseless OPEN frames within WITHIN_MS, before it counts as a flood; unless an end is told otherwise. */
export const FLOOD_FRAMES = 500;
const WITHIN_MS = 10_000;

export class FloodLimit {
  readonly #clock: Clock;
  readonly #most: number;
  #since = -Infinity;
  #count = 0;

  constructor(clock: Clock, most = FLOOD_FRAMES) {
    this.#clock = clock;
    this.#most = most;
  }

  /** Counts one more; throws `flood` when that is too many. */
  count(): void {
    const now = this.#clock.now();
    if (now - this.#since > WITHIN_MS) {
      this.#since = now;
      this.#count = 0;
    }
    if (++this.#count > this.#most) throw new PosternError('flood');
  }
}

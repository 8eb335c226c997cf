// The session's round trip: one PING under way at a time, and what its PONG tells.

import { randomBytes } from 'node:crypto';
import type { Clock } from './clock.ts';

/** While something moves, the round trip is measured at least this often: credit and flight cap depend on it. */
const MEASURE_MS = 1_000;
/** A PING that was not answered for so long was lost with its link. */
const LOST_MS = 30_000;

export class RoundTrip {
  readonly #clock: Clock;
  #ms: number | undefined;
  #pingAt = -Infinity;
  #payload: Buffer | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The latest, in milliseconds. */
  get ms(): number | undefined {
    return this.#ms;
  }

  /** A PING has not been answered yet. */
  get underWay(): boolean {
    return this.#payload !== undefined;
  }

  /** Time for another PING; but not while one is under way: on a long path it would void the answer to that. */
  get due(): boolean {
    return this.#clock.now() - this.#pingAt > (this.#payload === undefined ? MEASURE_MS : LOST_MS);
  }

  /** The payload of a PING that leaves now. Random, so that a PONG can't be made up to shorten the round trip. */
  ping(): Buffer {
    this.#pingAt = this.#clock.now();
    this.#payload = randomBytes(8);
    return this.#payload;
  }

  /** A PONG came: answers the round trip in milliseconds, or undefined when it answers no PING that is under way. */
  answered(payload: Buffer): number | undefined {
    if (this.#payload?.equals(payload) !== true) return undefined;
    this.#payload = undefined;
    this.#ms = this.#clock.now() - this.#pingAt;
    return this.#ms;
  }
}

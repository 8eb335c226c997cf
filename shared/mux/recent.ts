// How many bytes moved just now: a sum over the last half to whole second, kept in two numbers.

const PERIOD_MS = 500;

export class Recent {
  #began = -Infinity;
  #running = 0;
  #before = 0;

  /** `bytes` moved; `now` in monotonic milliseconds. */
  add(bytes: number, now: number): void {
    this.#turn(now);
    this.#running += bytes;
  }

  /** Bytes of the running period and the one before it. */
  at(now: number): number {
    this.#turn(now);
    return this.#running + this.#before;
  }

  #turn(now: number): void {
    const passed = now - this.#began;
    if (passed < PERIOD_MS) return;
    // Longer ago than a whole period: nothing of it is recent.
    this.#before = passed < 2 * PERIOD_MS ? this.#running : 0;
    this.#running = 0;
    this.#began = now;
  }
}

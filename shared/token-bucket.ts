// So many at once after quiet times, and so many per second in the long run.

export interface Rate {
  /** In the long run. */
  readonly perSecond: number;
  /** In one go, after quiet times. */
  readonly burst: number;
}

export class TokenBucket {
  readonly #rate: Rate;
  readonly #now: () => number;
  #left: number;
  #at: number;

  /** `now`: monotonic milliseconds. */
  constructor(rate: Rate, now: () => number) {
    this.#rate = rate;
    this.#now = now;
    this.#left = rate.burst;
    this.#at = now();
  }

  /** Takes one; false, and nothing taken, when it is too soon. */
  take(): boolean {
    const now = this.#now();
    const earned = ((now - this.#at) / 1000) * this.#rate.perSecond;
    this.#left = Math.min(this.#rate.burst, this.#left + earned);
    this.#at = now;
    if (this.#left < 1) return false;
    this.#left -= 1;
    return true;
  }
}

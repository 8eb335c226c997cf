// An allowance that refills: what a visitor's connection may do so often at once, and so often per second in the long run.

export interface AllowanceLimits {
  readonly burst: number;
  readonly perSecond: number;
}

export class Allowance {
  readonly #limits: AllowanceLimits;
  readonly #now: () => number;
  #left: number;
  #at: number;

  /** `now`: monotonic milliseconds. */
  constructor(limits: AllowanceLimits, now: () => number = () => performance.now()) {
    this.#limits = limits;
    this.#now = now;
    this.#left = limits.burst;
    this.#at = now();
  }

  /** Counts one more; false when that is too many. */
  spend(): boolean {
    const now = this.#now();
    const earned = ((now - this.#at) / 1000) * this.#limits.perSecond;
    this.#left = Math.min(this.#limits.burst, this.#left + earned) - 1;
    this.#at = now;
    return this.#left >= 0;
  }
}

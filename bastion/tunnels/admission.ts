// How many agents may register at once and per second, so that ten thousand of them coming back at once do no harm.

export interface AdmissionLimits {
  /** Handshakes under way at once. */
  readonly inFlight: number;
  /** Agents that register per second, in the long run. */
  readonly perSecond: number;
  /** Agents that register in one go, after quiet times. */
  readonly burst: number;
}

export class Admission {
  readonly #limits: AdmissionLimits;
  readonly #now: () => number;
  #inFlight = 0;
  #left: number;
  #at: number;

  /** `now`: monotonic milliseconds. */
  constructor(limits: AdmissionLimits, now: () => number = () => performance.now()) {
    this.#limits = limits;
    this.#now = now;
    this.#left = limits.burst;
    this.#at = now();
  }

  /** Handshakes under way. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** What ends this handshake (idempotent), or undefined when too many are under way. */
  enter(): (() => void) | undefined {
    if (this.#inFlight >= this.#limits.inFlight) return undefined;
    this.#inFlight += 1;
    let over = false;
    return () => {
      if (over) return;
      over = true;
      this.#inFlight -= 1;
    };
  }

  /** Counts an agent whose credential is good (a stranger must not use up the rate); false when it has to come back later. */
  spend(): boolean {
    this.#refill();
    if (this.#left < 1) return false;
    this.#left -= 1;
    return true;
  }

  #refill(): void {
    const now = this.#now();
    const earned = ((now - this.#at) / 1000) * this.#limits.perSecond;
    this.#left = Math.min(this.#limits.burst, this.#left + earned);
    this.#at = now;
  }
}

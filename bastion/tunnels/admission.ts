// How many agents may register at once and per second, so that ten thousand of them coming back at once do no harm.

export interface AdmissionLimits {
  /** Handshakes under way at once. */
  readonly inFlight: number;
  /** Handshakes per second, in the long run. */
  readonly perSecond: number;
  /** Handshakes in one go, after quiet times. */
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

  /** What ends this handshake (idempotent), or undefined when it must be refused. */
  enter(): (() => void) | undefined {
    this.#refill();
    if (this.#inFlight >= this.#limits.inFlight || this.#left < 1) return undefined;
    this.#left -= 1;
    this.#inFlight += 1;
    let over = false;
    return () => {
      if (over) return;
      over = true;
      this.#inFlight -= 1;
    };
  }

  #refill(): void {
    const now = this.#now();
    const earned = ((now - this.#at) / 1000) * this.#limits.perSecond;
    this.#left = Math.min(this.#limits.burst, this.#left + earned);
    this.#at = now;
  }
}

// How many agents may register at once and per second, so that ten thousand of them coming back at once do no harm.

import { TokenBucket, type Rate } from '../../shared/token-bucket.ts';

export interface AdmissionLimits extends Rate {
  /** Handshakes under way at once. */
  readonly inFlight: number;
}

export class Admission {
  readonly #limits: AdmissionLimits;
  readonly #bucket: TokenBucket;
  #inFlight = 0;

  /** `now`: monotonic milliseconds. */
  constructor(limits: AdmissionLimits, now: () => number = () => performance.now()) {
    this.#limits = limits;
    this.#bucket = new TokenBucket(limits, now);
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
    return this.#bucket.take();
  }
}

// How long to wait before the next attempt: full jitter under a ceiling that doubles, so that nobody retries in step.

export interface BackoffOptions {
  /** Ceiling of the first wait, in milliseconds. */
  readonly baseMs: number;
  /** No ceiling goes above this. */
  readonly capMs: number;
  /** From 0 (inclusive) to 1 (exclusive); tests bring their own. */
  readonly random: () => number;
}

export interface Backoff {
  /** Milliseconds to wait: the first attempt after a reset goes at once; `capMs` lowers the cap for this wait alone. */
  next(capMs?: number): number;
  /** The next attempt counts as the first again. */
  reset(): void;
}

/** A back-off whose first wait is 0, its second below `baseMs`, and each further one below twice as much. */
export function createBackoff(options: BackoffOptions): Backoff {
  let waits = 0;
  return {
    next: (capMs = options.capMs) => {
      waits += 1;
      if (waits === 1) return 0;
      const ceiling = Math.min(options.baseMs * 2 ** Math.min(waits - 2, 30), options.capMs, capMs);
      return Math.floor(options.random() * ceiling);
    },
    reset: () => {
      waits = 0;
    },
  };
}

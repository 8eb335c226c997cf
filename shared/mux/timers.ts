// Timers that end with what they belong to.

import type { Clock } from './clock.ts';

export class Timers {
  readonly #clock: Clock;
  readonly #pending = new Set<unknown>();
  #over = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Calls back after `ms` unless `clear` comes first; answers how to cancel it. */
  after(ms: number, callback: () => void): () => void {
    if (this.#over) return () => undefined;
    const handle = this.#clock.setTimeout(() => {
      this.#pending.delete(handle);
      callback();
    }, ms);
    this.#pending.add(handle);
    return () => {
      this.#pending.delete(handle);
      this.#clock.clearTimeout(handle);
    };
  }

  /** None is called any more, and none begins. */
  clear(): void {
    this.#over = true;
    for (const handle of this.#pending) this.#clock.clearTimeout(handle);
    this.#pending.clear();
  }
}

// Telling of the same thing once in a while, and how often it came in between, whatever strangers make it be.

import { BoundedMap } from '../shared/bounded-map.ts';

const REMEMBERED = 10_000;

interface Told {
  readonly at: number;
  repeats: number;
}

export class Repeats {
  readonly #again: number;
  readonly #now: () => number;
  readonly #told = new BoundedMap<string, Told>(REMEMBERED);

  /** `againMs`: how long the same is not told again, in milliseconds. `now`: Unix milliseconds. */
  constructor(againMs: number, now: () => number) {
    this.#again = againMs;
    this.#now = now;
  }

  /** How often it came since it was told last, when it is to be told now; undefined when not. */
  tell(key: string): number | undefined {
    const before = this.#told.get(key);
    if (before !== undefined && this.#now() - before.at < this.#again) {
      before.repeats += 1;
      return undefined;
    }
    this.#told.set(key, { at: this.#now(), repeats: 0 });
    return before?.repeats ?? 0;
  }
}

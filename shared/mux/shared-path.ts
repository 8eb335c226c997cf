// The links of one tunnel that share a way to the other end: those with bulk are told of each other, so that together they
// have no more in flight than one of them alone would have.

import type { Flight } from './flight.ts';
import type { Recent } from './recent.ts';

/** One link's sending half. */
interface Party {
  readonly flight: Flight;
  readonly recent: Recent;
}

/** More than this sent within about a second is bulk. */
export const BULK_BYTES = 64 * 1024;

const NONE: readonly Flight[] = [];

export class SharedPath {
  readonly #parties = new Set<Party>();

  join(party: Party): void {
    this.#parties.add(party);
  }

  leave(party: Party): void {
    this.#parties.delete(party);
  }

  /** The flights of the other links that send bulk just now. */
  beside(party: Party, now: number): readonly Flight[] {
    if (this.#parties.size < 2) return NONE;
    return [...this.#parties]
      .filter((one) => one !== party && one.recent.at(now) > BULK_BYTES)
      .map(({ flight }) => flight);
  }
}

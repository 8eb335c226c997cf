// The one-time links that open a tunnel's names: the bastion knows hashes only, and each is good for one visitor, once.

import { createHash, timingSafeEqual } from 'node:crypto';

import type { Store } from '../store/store.ts';

/** How long a spent link is remembered, in milliseconds: longer than any agent goes without hearing that it is spent. */
const REMEMBER_MS = 90 * 86_400_000;

/** Which links were spent, for all tunnels and after restarts: an agent that reconnects may offer a spent link again. */
export class SpentLinks {
  readonly #store: Pick<Store, 'spentLinks' | 'atomically'>;
  readonly #now: () => number;

  /** `now`: Unix milliseconds. */
  constructor(store: Pick<Store, 'spentLinks' | 'atomically'>, now: () => number = Date.now) {
    this.#store = store;
    this.#now = now;
  }

  /** The address that spent the link; undefined while it is good. */
  by(hash: string): string | undefined {
    return this.#store.spentLinks.get(hash)?.from;
  }

  /** True once per link, in whichever process; on disk before it returns. */
  spend(hash: string, from: string): boolean {
    return this.#store.atomically(() => {
      if (this.#store.spentLinks.get(hash) !== undefined) return false;
      this.#store.spentLinks.put({ hash, from, expires: this.#now() + REMEMBER_MS });
      return true;
    });
  }
}

export class OneTimeLinks {
  readonly #spent: SpentLinks;
  #hashes: readonly string[] = [];

  constructor(spent: SpentLinks) {
    this.#spent = spent;
  }

  /** The agent's links from now on; answers those that were spent already and are not valid. */
  offer(hashes: readonly string[]): { hash: string; from: string }[] {
    this.#hashes = hashes.filter((hash) => this.#spent.by(hash) === undefined);
    return hashes.flatMap((hash) => {
      const from = this.#spent.by(hash);
      return from === undefined ? [] : [{ hash, from }];
    });
  }

  /** The hash of the link that this secret opens, which is valid no more; undefined when it opens none. */
  spend(secret: string, from: string): string | undefined {
    const presented = createHash('sha256').update(secret).digest();
    let found: string | undefined;
    // All are compared, whichever matches: the time taken says nothing.
    for (const hash of this.#hashes) if (timingSafeEqual(presented, Buffer.from(hash, 'hex'))) found = hash;
    if (found === undefined) return undefined;
    this.#hashes = this.#hashes.filter((hash) => hash !== found);
    return this.#spent.spend(found, from) ? found : undefined;
  }
}

// The one-time links that open a tunnel's names: the bastion knows hashes only, and each is good for one visitor, once.

import { createHash, timingSafeEqual } from 'node:crypto';

import { BoundedMap } from '../../shared/bounded-map.ts';

/** Hash -> the address that spent it; shared by all tunnels, because an agent that reconnects may offer a spent link again. */
export type SpentLinks = BoundedMap<string, string>;

/** A memory of spent links; the oldest are forgotten, long after their agents have replaced them. */
export function rememberSpentLinks(): SpentLinks {
  return new BoundedMap(10_000);
}

export class OneTimeLinks {
  readonly #spent: SpentLinks;
  #hashes: readonly string[] = [];

  constructor(spent: SpentLinks) {
    this.#spent = spent;
  }

  /** The agent's links from now on; answers those that were spent already and are not valid. */
  offer(hashes: readonly string[]): { hash: string; from: string }[] {
    this.#hashes = hashes.filter((hash) => !this.#spent.has(hash));
    return hashes.flatMap((hash) => {
      const from = this.#spent.get(hash);
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
    this.#spent.set(found, from);
    this.#hashes = this.#hashes.filter((hash) => hash !== found);
    return found;
  }
}

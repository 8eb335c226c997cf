// Credentials that were taken back: asked at every stream and request, so the answer comes from memory.

import type { ErrorCode } from '../../shared/errors.ts';
import { PosternError } from '../../shared/errors.ts';
import type { Store } from '../store/store.ts';
import type { Authenticator, Identity } from './authenticator.ts';

/** Longest lifetime of a credential that is not known here, in milliseconds: so long its revocation is kept. */
const LONGEST_LIFE_MS = 3650 * 86_400_000;
const OWNER_PREFIX = 'owner:';

/** What is left of an identity's proof: undefined while it holds. */
export type Standing = (identity: Identity) => ErrorCode | undefined;

export class Revocations {
  readonly #store: Pick<Store, 'revocations' | 'watch'>;
  readonly #now: () => number;
  /** Id, or `owner:ACCOUNT` -> Unix milliseconds. */
  #revoked = new Map<string, number>();
  readonly #watchers = new Set<() => void>();

  /** `now`: Unix milliseconds. */
  constructor(store: Pick<Store, 'revocations' | 'watch'>, now: () => number = Date.now) {
    this.#store = store;
    this.#now = now;
    this.#load();
    store.watch('revocations', () => {
      this.#load();
      for (const changed of this.#watchers) changed();
    });
  }

  /** Whether the proof still holds: a few look-ups in memory. */
  readonly standing: Standing = (identity) => {
    if (identity.expiresAt <= this.#now()) return 'credential-expired';
    return this.#isRevoked(identity) ? 'credential-revoked' : undefined;
  };

  /** Calls back soon (250 ms) after a credential was taken back, in whichever process. */
  watch(changed: () => void): void {
    this.#watchers.add(changed);
  }

  /** Takes one credential back, on disk before it returns; `expires`: when it would have ended, Unix milliseconds. */
  revoke(id: string, expires?: number): void {
    this.#put(id, expires);
  }

  /** Takes back all that this owner was given until now, by whichever issuer. */
  revokeOwner(owner: string): void {
    this.#put(OWNER_PREFIX + owner);
  }

  /** When this credential was taken back, by itself; Unix milliseconds. */
  revokedAt(id: string): number | undefined {
    return this.#revoked.get(id);
  }

  #put(id: string, expires = this.#now() + LONGEST_LIFE_MS): void {
    const at = this.#now();
    this.#store.revocations.put({ id, at, expires });
    this.#revoked.set(id, at);
  }

  #isRevoked({ id, owner, issuedAt = 0 }: Identity): boolean {
    if (this.#revoked.has(id)) return true;
    const before = this.#revoked.get(OWNER_PREFIX + owner);
    return before !== undefined && issuedAt <= before;
  }

  #load(): void {
    this.#revoked = new Map(this.#store.revocations.all().map(({ id, at }) => [id, at]));
  }
}

/** The same authenticator, but proofs that were taken back throw PosternError `credential-revoked`. */
export function refusingRevoked(authenticator: Authenticator, standing: Standing): Authenticator {
  return {
    async authenticate(credential, use) {
      const identity = await authenticator.authenticate(credential, use);
      if (identity !== undefined && standing(identity) === 'credential-revoked')
        throw new PosternError('credential-revoked');
      return identity;
    },
  };
}

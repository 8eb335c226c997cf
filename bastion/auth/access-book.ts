// Who may visit which name: what its agent asks for, what its owner decided since, and the links that owners gave to guests.

import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

import { PosternError } from '../../shared/errors.ts';
import { readPolicy, type AccessPolicy } from '../../shared/wire/access.ts';
import type { PolicyRecord, ShareRecord } from '../store/records.ts';
import type { Store } from '../store/store.ts';

/** Guest links of one name that are good at the same time. */
const MOST_SHARES = 50;
export const LONGEST_SHARE_MS = 90 * 86_400_000;

export interface AccessBookOptions {
  readonly store: Pick<Store, 'policies' | 'shares' | 'watch' | 'atomically'>;
  /** Unix milliseconds. */
  readonly now?: () => number;
}

/** Whose name it is: what an earlier owner decided holds for nobody else. */
export interface OwnedName {
  readonly name: string;
  readonly owner: string;
}

/** Asked at every request of a visitor, so its answers come from memory. */
export class AccessBook {
  readonly #store: AccessBookOptions['store'];
  readonly #now: () => number;
  #policies = new Map<string, { readonly owner: string; readonly changed: number; readonly policy: AccessPolicy }>();
  #shares = new Map<string, ShareRecord>();
  readonly #watchers = new Set<() => void>();

  constructor({ store, now = Date.now }: AccessBookOptions) {
    this.#store = store;
    this.#now = now;
    this.#loadPolicies();
    this.#loadShares();
    store.watch('policies', () => this.#changed(() => this.#loadPolicies()));
    store.watch('shares', () => this.#changed(() => this.#loadShares()));
  }

  /** Calls back soon (250 ms) after who may visit what has changed, in whichever process. */
  watch(changed: () => void): void {
    this.#watchers.add(changed);
  }

  /** What the owner decided while the name was theirs; undefined: nothing, so that the agent's word counts. */
  decided({ name, owner }: OwnedName): { readonly policy: AccessPolicy; readonly changed: number } | undefined {
    const found = this.#policies.get(name);
    return found?.owner === owner ? found : undefined;
  }

  /** On disk when it returns, and valid at once; `undefined`: the agent's word counts again. */
  decide(of: OwnedName, policy: AccessPolicy | undefined): void {
    if (policy === undefined) this.#store.policies.remove(of.name);
    else this.#store.policies.put({ ...of, changed: this.#now(), policy: { ...policy } });
    this.#changed(() => this.#loadPolicies());
  }

  /** Guest links that are good now, the newest first. */
  shares({ name, owner }: OwnedName): readonly ShareRecord[] {
    const now = this.#now();
    const good = [...this.#shares.values()].filter(
      (share) => share.name === name && share.owner === owner && isGood(share, now),
    );
    return good.toSorted((one, other) => other.created - one.created);
  }

  /** A new guest link: its record, and the secret that nobody is told again. Throws PosternError `share-limit`. */
  share(of: OwnedName, { forMs, note }: { forMs: number; note: string }): { share: ShareRecord; secret: string } {
    if (this.shares(of).length >= MOST_SHARES) throw new PosternError('share-limit');
    const secret = randomBytes(32).toString('base64url');
    const created = this.#now();
    const share: ShareRecord = {
      ...of,
      id: randomBytes(9).toString('base64url'),
      hash: digest(secret).toString('hex'),
      created,
      expires: created + Math.min(forMs, LONGEST_SHARE_MS),
      terms: { note },
    };
    this.#store.shares.put(share);
    this.#changed(() => this.#loadShares());
    return { share, secret };
  }

  /** False when the owner has no such link. */
  revoke({ name, owner }: OwnedName, id: string): boolean {
    const share = this.#shares.get(id);
    if (share === undefined || share.name !== name || share.owner !== owner) return false;
    this.#store.shares.put({ ...share, revoked: this.#now() });
    this.#changed(() => this.#loadShares());
    return true;
  }

  /** The guest link that a secret belongs to, if it is good for this name now; constant time for each that there is. */
  redeem(of: OwnedName, secret: string): ShareRecord | undefined {
    const presented = digest(secret);
    return this.shares(of).find(
      ({ hash }) => hash !== undefined && timingSafeEqual(Buffer.from(hash, 'hex'), presented),
    );
  }

  /** Whether a guest who came by this link may stay. */
  holds({ name, owner }: OwnedName, id: string): boolean {
    const share = this.#shares.get(id);
    return share?.name === name && share.owner === owner && isGood(share, this.#now());
  }

  #changed(load: () => void): void {
    load();
    for (const changed of this.#watchers) changed();
  }

  #loadPolicies(): void {
    const read = this.#store.policies.all().flatMap((record) => readable(record));
    this.#policies = new Map(read);
  }

  #loadShares(): void {
    this.#shares = new Map(this.#store.shares.all().map((share) => [share.id, share]));
  }
}

/** A policy that a later release wrote and this one can't read lets nobody in but the owner. */
function readable({ name, owner, changed, policy }: PolicyRecord) {
  try {
    return [[name, { owner, changed, policy: readPolicy(policy) }] as const];
  } catch {
    return [[name, { owner, changed, policy: { kind: 'private', people: [], groups: [] } as AccessPolicy }] as const];
  }
}

function isGood({ expires, revoked }: ShareRecord, now: number): boolean {
  return revoked === undefined && expires > now;
}

function digest(secret: string): Buffer {
  return createHash('sha256').update(secret).digest();
}

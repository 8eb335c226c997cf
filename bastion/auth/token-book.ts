// The book of tokens that the bastion made: who got which, until when, and which were taken back. Never the tokens themselves.

import { PosternError } from '../../shared/errors.ts';
import type { TokenRecord } from '../store/records.ts';
import type { Store } from '../store/store.ts';
import type { Use } from './authenticator.ts';
import type { Revocations } from './revocations.ts';

/** What a token says; times are milliseconds. */
export interface TokenRequest {
  readonly owner: string;
  readonly names: readonly string[];
  readonly use: Use;
  readonly ttlMs: number;
}

/** A token and what it is told apart by; times are Unix milliseconds. Only `token` is a secret. */
export interface SignedToken {
  readonly token: string;
  readonly id: string;
  readonly created: number;
  readonly expires: number;
}

/** Makes a token; rejects with PosternError `options-invalid` when what is asked for is impossible. */
export type SignToken = (request: TokenRequest) => Promise<SignedToken>;

export interface TokenState extends TokenRecord {
  readonly revoked: boolean;
}

export class TokenBook {
  readonly #store: Pick<Store, 'tokens'>;
  readonly #revocations: Revocations;
  readonly #sign: SignToken;

  constructor(store: Pick<Store, 'tokens'>, revocations: Revocations, sign: SignToken) {
    this.#store = store;
    this.#revocations = revocations;
    this.#sign = sign;
  }

  /** A new token, written down before it is handed out; `by` says who asked for it. */
  async create(request: TokenRequest, by: string): Promise<SignedToken> {
    const signed = await this.#sign(request);
    const { id, created, expires } = signed;
    const { owner, names, use } = request;
    this.#store.tokens.put({ id, owner, names, use, created, expires, by });
    return signed;
  }

  /** Those that were not swept yet, of one owner or of all. */
  list(owner?: string): TokenState[] {
    const records = owner === undefined ? this.#store.tokens.all() : this.#store.tokens.group(owner);
    return records.map((record) => ({ ...record, revoked: this.#isRevoked(record) }));
  }

  find(id: string): TokenRecord | undefined {
    return this.#store.tokens.get(id);
  }

  /** Takes a credential back; one of another issuer, that is in no book, only when `unknown` is true. Throws PosternError `token-unknown`. */
  revoke(id: string, unknown = false): void {
    const record = this.find(id);
    if (record === undefined && !unknown) throw new PosternError('token-unknown', id);
    this.#revocations.revoke(id, record?.expires);
  }

  /** Takes back everything that the owner was given until now. */
  revokeOwner(owner: string): void {
    this.#revocations.revokeOwner(owner);
  }

  #isRevoked({ id, owner, created }: TokenRecord): boolean {
    // Whether its time is up is another question.
    const identity = { id, owner, names: [], issuedAt: created, expiresAt: Infinity };
    return this.#revocations.standing(identity) !== undefined;
  }
}

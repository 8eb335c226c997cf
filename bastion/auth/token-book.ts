// The book of tokens that the bastion made: who got which, until when, and which were taken back. Never the tokens themselves.

import { PosternError } from '../../shared/errors.ts';
import type { Audit } from '../audit.ts';
import type { TokenRecord } from '../store/records.ts';
import type { Store } from '../store/store.ts';
import type { Use } from './authenticator.ts';
import type { Revocations } from './revocations.ts';
import type { Issuing, TokenLimits } from './token-limits.ts';

/** What a token says; times are milliseconds. */
export interface TokenRequest {
  readonly owner: string;
  readonly names: readonly string[];
  readonly use: Use;
  readonly ttlMs: number;
  readonly limits?: TokenLimits;
  /** With the use `api`, and with no other. */
  readonly issuing?: Issuing;
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

export interface TokenBookOptions {
  readonly store: Pick<Store, 'tokens'>;
  readonly revocations: Revocations;
  readonly sign: SignToken;
  readonly audit: Audit;
}

export class TokenBook {
  readonly #options: TokenBookOptions;
  readonly #store: Pick<Store, 'tokens'>;
  readonly #revocations: Revocations;

  constructor(options: TokenBookOptions) {
    this.#options = options;
    this.#store = options.store;
    this.#revocations = options.revocations;
  }

  /** A new token, written down before it is handed out; `by` says who asked for it. */
  async create(request: TokenRequest, by: string): Promise<SignedToken> {
    const { sign, audit } = this.#options;
    const signed = await sign(request);
    const { id, created, expires } = signed;
    const { owner, names, use } = request;
    this.#store.tokens.put({ id, owner, names, use, created, expires, by });
    const until = new Date(expires).toISOString();
    audit.record({ event: 'token-made', owner, credentialId: id, names, use, expires: until, by });
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

  /** Takes back one that is in the book; throws PosternError `token-unknown` for any other. `by` says who asked for it. */
  revoke(id: string, by: string): void {
    if (this.find(id) === undefined) throw new PosternError('token-unknown', id);
    this.revokeAny(id, by);
  }

  /** Takes back a credential whether or not it was made here. */
  revokeAny(id: string, by: string): void {
    this.#revocations.revoke(id, this.find(id)?.expires);
    this.#options.audit.record({ event: 'token-revoked', credentialId: id, by });
  }

  /** Takes back everything that the owner was given until now. */
  revokeOwner(owner: string, by: string): void {
    this.#revocations.revokeOwner(owner);
    this.#options.audit.record({ event: 'owner-revoked', owner, by });
  }

  #isRevoked({ id, owner, created }: TokenRecord): boolean {
    // Whether its time is up is another question.
    const identity = { id, owner, names: [], issuedAt: created, expiresAt: Infinity };
    return this.#revocations.standing(identity) !== undefined;
  }
}

// The seam "who is asking": a presented proof becomes an identity.

import type { Issuing, TokenLimits } from './token-limits.ts';

/** Who an agent or a visitor proved to be, and how long that holds. */
export interface Identity {
  /** The owner's or guest's account, for example `alice`. */
  readonly owner: string;
  /** Name patterns (`alice-*`, `demo`) this identity may serve (agent) or visit (visitor); `*` only at the end. */
  readonly names: readonly string[];
  /** Unix milliseconds after which the proof no longer holds. */
  readonly expiresAt: number;
  /** Unix milliseconds at which the proof was made; undefined where it does not say so. */
  readonly issuedAt?: number;
  /** What the proof allows its bearer's tunnels, besides what the bastion allows everybody. */
  readonly limits?: TokenLimits;
  /** What its bearer may have the API make. */
  readonly issuing?: Issuing;
  /** Stable id of the proof (a token's `jti`), for logs and revocation; not secret. */
  readonly id: string;
}

/**
 * What a credential may be used for: an agent's token opens no notebook, a visitor's token registers no name, and one for the
 * API does neither.
 */
export type Use = 'agent' | 'visitor' | 'api';

/**
 * Contract (tested by test/contract/authenticator): `undefined` means "not my kind of proof, ask the next one";
 * a proof of this kind that does not hold throws PosternError `credential-invalid` or `credential-expired`.
 * Safe under concurrent calls; keeps nothing of the proof.
 */
export interface Authenticator {
  authenticate(credential: string, use: Use): Promise<Identity | undefined>;
}

// The seam "which certificate": TLS contexts for the public listener, and the moment they change.

import type { KeyObject } from 'node:crypto';
import type { SecureContext } from 'node:tls';

/** What somebody else's key is to be certified for. */
export interface Certified {
  /** Host names below the domain. */
  readonly hosts: readonly string[];
  /** P-256. */
  readonly publicKey: KeyObject;
  /** Unix milliseconds. */
  readonly expiresAt: number;
}

/**
 * Contract (tested by test/contract/tls-source): `context` never throws and answers synchronously from memory;
 * `changed` fires after `context` answers with the new certificate, and connections made before keep theirs.
 */
export interface TlsSource {
  /** The context for a server name (already lower-case; undefined without SNI), or undefined when none covers it. */
  context(serverName: string | undefined): SecureContext | undefined;
  /** What `context(undefined)` is made of, in PEM: Node takes nothing else for visitors without SNI. The key is a secret. */
  material(): { readonly cert: string; readonly key: string };
  /** The CA that visitors and agents must trust, in PEM; undefined when a public CA is assumed. */
  readonly authority: string | undefined;
  /** A chain in PEM, the leaf first, that visitors who trust `authority` trust; undefined when there is no CA here to issue from. */
  readonly certify: ((request: Certified) => string[]) | undefined;
  onChanged(listener: () => void): void;
  /** Stops timers and watchers; idempotent. */
  close(): void;
}

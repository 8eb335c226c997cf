// The seam "which certificate": TLS contexts for the public listener, and the moment they change.

import type { SecureContext } from 'node:tls';

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
  onChanged(listener: () => void): void;
  /** Stops timers and watchers; idempotent. */
  close(): void;
}

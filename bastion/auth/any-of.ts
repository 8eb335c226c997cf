// Asks several authenticators in turn: the first that knows this kind of proof decides.

import type { Authenticator } from './authenticator.ts';

/** An authenticator over the given ones; `undefined` when none of them knows the proof's kind. */
export function anyOf(authenticators: readonly Authenticator[]): Authenticator {
  return {
    async authenticate(credential, use) {
      for (const authenticator of authenticators) {
        const identity = await authenticator.authenticate(credential, use);
        if (identity !== undefined) return identity;
      }
      return undefined;
    },
  };
}

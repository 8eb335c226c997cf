// The one-time link that lets the owner in: its secret lives here and in the owner's browser, the bastion knows only the hash.

import { createHash, randomBytes } from 'node:crypto';

const SECRET_BYTES = 32;

/** One unspent link at a time. */
export class OneTimeLink {
  #secret = newSecret();

  /** SHA-256 of the secret's text, in hexadecimal, as the bastion gets it. */
  get hash(): string {
    return createHash('sha256').update(this.#secret).digest('hex');
  }

  /** The URL with the secret in its fragment, which no browser sends anywhere. */
  urlFor(base: string): string {
    const url = new URL(base);
    url.hash = `postern=${this.#secret}`;
    return url.href;
  }

  /** A new secret in place of the one that was used; false when the hash is of an older one. */
  renew(spentHash: string): boolean {
    if (spentHash !== this.hash) return false;
    this.#secret = newSecret();
    return true;
  }
}

function newSecret(): string {
  return randomBytes(SECRET_BYTES).toString('base64url');
}

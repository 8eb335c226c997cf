// The public keys of one outside issuer: found by discovery, kept for a while, fetched anew when a token names one that is not there.

import { createLocalJWKSet, errors } from 'jose';
import type { CryptoKey, FlattenedJWSInput, JSONWebKeySet, JWSHeaderParameters } from 'jose';

import { PosternError } from '../../shared/errors.ts';
import { fetchJson } from './https-json.ts';

/** Keys older than this are fetched anew, while the old ones are used; milliseconds. */
const FRESH_MS = 600_000;
/** Keys older than this are not used any more, even if the issuer can't be asked; milliseconds. */
const LONGEST_MS = 86_400_000;
/** An unknown key, or an issuer that failed to answer, makes us ask at most this often; milliseconds. */
const ASK_EVERY_MS = 10_000;

export interface IssuerKeysOptions {
  readonly issuer: string;
  readonly jwks: string | undefined;
  /** PEM. */
  readonly ca: string | undefined;
  /** Unix milliseconds. */
  readonly now: () => number;
}

type Find = ReturnType<typeof createLocalJWKSet>;

export class IssuerKeys {
  readonly #options: IssuerKeysOptions;
  #find: Find | undefined;
  #fetchedAt = -Infinity;
  #askedAt = -Infinity;
  #asking: Promise<void> | undefined;

  constructor(options: IssuerKeysOptions) {
    this.#options = options;
  }

  /** The key that a token names. Rejects with PosternError `issuer-unreachable`, or with what jose throws for a key that is not there. */
  async find(header: JWSHeaderParameters, token: FlattenedJWSInput): Promise<CryptoKey> {
    const age = this.#options.now() - this.#fetchedAt;
    if (age > LONGEST_MS) await this.#ask();
    else if (age > FRESH_MS) this.#ask().catch(() => {});
    try {
      return await this.#known()(header, token);
    } catch (cause) {
      if (!(cause instanceof errors.JWKSNoMatchingKey) || !this.#mayAsk()) throw cause;
      await this.#ask();
      return this.#known()(header, token);
    }
  }

  #known(): Find {
    const usable = this.#options.now() - this.#fetchedAt <= LONGEST_MS;
    if (this.#find === undefined || !usable) throw this.#unreachable('it was asked a moment ago, in vain');
    return this.#find;
  }

  /** Strangers' tokens must not make us ask again and again; who comes while it is being asked waits for the answer. */
  #mayAsk(): boolean {
    return this.#asking !== undefined || this.#options.now() - this.#askedAt >= ASK_EVERY_MS;
  }

  /** However many tokens come at once, the issuer is asked once. */
  #ask(): Promise<void> {
    if (this.#asking !== undefined) return this.#asking;
    if (!this.#mayAsk()) return Promise.resolve();
    this.#askedAt = this.#options.now();
    this.#asking = this.#fetch().finally(() => (this.#asking = undefined));
    return this.#asking;
  }

  async #fetch(): Promise<void> {
    try {
      const { jwks, ca, now } = this.#options;
      const keys = await fetchJson(jwks ?? (await this.#discover()), ca);
      this.#find = createLocalJWKSet(keys as JSONWebKeySet);
      this.#fetchedAt = now();
    } catch (cause) {
      throw cause instanceof PosternError
        ? cause
        : this.#unreachable(cause instanceof Error ? cause.message : '', cause);
    }
  }

  /** OpenID Connect's document, or where there is none, OAuth's (RFC 8414, as SciTokens issuers publish it). */
  async #discover(): Promise<string> {
    const { issuer, ca } = this.#options;
    for (const place of ['openid-configuration', 'oauth-authorization-server']) {
      const found = await fetchJson(`${issuer.replace(/\/$/, '')}/.well-known/${place}`, ca);
      if (found === undefined) continue;
      const { issuer: named, jwks_uri: uri } = found as { issuer?: unknown; jwks_uri?: unknown };
      // Whoever could answer for another issuer could sign for it.
      if (named !== issuer) throw this.#unreachable('its discovery document names another issuer');
      if (typeof uri === 'string' && URL.canParse(uri) && new URL(uri).protocol === 'https:') return uri;
      throw this.#unreachable('its discovery document names no https:// jwks_uri');
    }
    throw this.#unreachable('it has no discovery document');
  }

  #unreachable(detail: string, cause?: unknown): PosternError {
    return new PosternError('issuer-unreachable', `${this.#options.issuer}: ${detail}`, { cause });
  }
}

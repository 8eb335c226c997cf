// The gate: decides for every request of a visitor whether it may reach the notebook, and with whose rights.

import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

import { BoundedMap } from '../../shared/bounded-map.ts';
import { PosternError } from '../../shared/errors.ts';
import type { Access } from '../../shared/wire/handshake.ts';
import type { Attempts } from './attempts.ts';
import type { Authenticator, Identity } from './authenticator.ts';
import { bearerCredential } from './bearer.ts';
import { crossSiteProblem } from './cross-site.ts';
import { covers } from './name-patterns.ts';
import type { Standing } from './revocations.ts';
import type { VisitorSessions } from './visitor-session.ts';

/** A request as it stands before the gate. */
export interface Approach {
  readonly name: string;
  /** What a session has to be for: the name, or `NAME--SERVICE`. */
  readonly label: string;
  readonly method: string;
  readonly headers: IncomingHttpHeaders;
  readonly upgrade: boolean;
  /** The visitor's IP address. */
  readonly address: string;
}

/** What the gate must know of the tunnel behind it. */
export interface Guarded {
  readonly identity: Pick<Identity, 'owner'>;
  readonly access: Access;
  /** True once per secret. */
  spendLink(secret: string, from: string): boolean;
}

export interface Admission {
  /** Whose request it is: an owner's account, or `public`. */
  readonly visitor: string;
  /** Give the notebook its own token with the request. */
  readonly inject: boolean;
  /** The Authorization header was meant for us: the notebook must not see it. */
  readonly dropAuthorization: boolean;
  /** Asked again and again while the visit lasts: why the visitor may be here no more, or undefined. Never throws. */
  recheck?(): PosternError | undefined;
}

export interface GateOptions {
  readonly authenticator: Authenticator;
  readonly sessions: VisitorSessions;
  readonly attempts: Attempts;
  /** Whether a proof that was good before still is. */
  readonly standing: Standing;
  /** Unix milliseconds. */
  readonly now?: () => number;
}

const PUBLIC: Admission = { visitor: 'public', inject: false, dropAuthorization: false };
const KNOWN_TOKENS = 1000;

export class Gate {
  readonly #authenticator: Authenticator;
  readonly #sessions: VisitorSessions;
  readonly #attempts: Attempts;
  readonly #standing: Standing;
  readonly #now: () => number;
  /** SHA-256 of a token that was verified before -> whose it is, so that scripts' requests are admitted synchronously too. */
  readonly #known = new BoundedMap<string, Identity>(KNOWN_TOKENS);

  constructor(options: GateOptions) {
    this.#authenticator = options.authenticator;
    this.#sessions = options.sessions;
    this.#attempts = options.attempts;
    this.#standing = options.standing;
    this.#now = options.now ?? Date.now;
  }

  /**
   * Lets the request in, synchronously whenever a cookie or a token seen before decides. Throws or rejects with
   * PosternError: sign-in-needed, cross-site, not-yours, credential-invalid, credential-expired, credential-revoked.
   */
  admit(approach: Approach, tunnel: Guarded): Admission | Promise<Admission> {
    const credential = bearerCredential(approach.headers.authorization);
    if (tunnel.access === 'public') return credential === undefined ? PUBLIC : this.#admitPublic(credential);
    if (credential === undefined) return this.#byCookie(approach, tunnel);
    const known = this.#lookUp(credential);
    if (known !== undefined) return this.#byToken(known, approach, tunnel);
    return this.#byCredential(credential, approach, tunnel);
  }

  /** Exchanges a one-time secret for the Set-Cookie value of a session. Throws PosternError: link-spent, visitor-limit. */
  enter(secret: string, label: string, tunnel: Guarded, address: string): string {
    if (!this.#attempts.allowed(address)) throw new PosternError('visitor-limit');
    if (!tunnel.spendLink(secret, address)) {
      this.#attempts.failed(address);
      throw new PosternError('link-spent');
    }
    return this.#sessions.issue(label, tunnel.identity.owner);
  }

  #byCookie({ label, method, headers, upgrade }: Approach, tunnel: Guarded): Admission {
    const session = this.#sessions.verify(headers.cookie, label, tunnel.identity.owner);
    if (session === undefined) throw new PosternError('sign-in-needed');
    const problem = crossSiteProblem({ method, headers, upgrade });
    if (problem !== undefined) throw new PosternError('cross-site', problem);
    // An Authorization of the visitor's own is the notebook's to judge, and must not be helped by ours.
    return {
      visitor: session.owner,
      inject: headers.authorization === undefined,
      dropAuthorization: false,
      recheck: () => (session.expiresAt <= this.#now() ? new PosternError('sign-in-needed') : undefined),
    };
  }

  /** A token is never sent by a browser on its own, so nothing needs to be known about where the request comes from. */
  async #byCredential(credential: string, approach: Approach, tunnel: Guarded): Promise<Admission> {
    const identity = await this.#authenticator.authenticate(credential, 'visitor');
    if (identity === undefined) return this.#byCookie(approach, tunnel);
    this.#known.set(digest(credential), identity);
    return this.#byToken(identity, approach, tunnel);
  }

  /** Nobody is asked who they are, but a token of ours, even a bad one, is kept from a notebook that may be anybody's. */
  async #admitPublic(credential: string): Promise<Admission> {
    try {
      const identity = await this.#authenticator.authenticate(credential, 'visitor');
      return { ...PUBLIC, dropAuthorization: identity !== undefined };
    } catch {
      return { ...PUBLIC, dropAuthorization: true };
    }
  }

  #lookUp(credential: string): Identity | undefined {
    const key = digest(credential);
    const known = this.#known.get(key);
    if (known === undefined || this.#standing(known) === undefined) return known;
    // Asked anew, it says why it holds no more.
    this.#known.delete(key);
    return undefined;
  }

  #byToken(identity: Identity, { name }: Approach, tunnel: Guarded): Admission {
    if (identity.owner !== tunnel.identity.owner || !covers(identity.names, name)) throw new PosternError('not-yours');
    const recheck = (): PosternError | undefined => {
      const over = this.#standing(identity);
      return over === undefined ? undefined : new PosternError(over);
    };
    return { visitor: identity.owner, inject: true, dropAuthorization: true, recheck };
  }
}

function digest(credential: string): string {
  return createHash('sha256').update(credential).digest('base64url');
}

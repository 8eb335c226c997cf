// The gate: decides for every request of a visitor whether it may reach the notebook, and with whose rights.

import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

import { BoundedMap } from '../../shared/bounded-map.ts';
import { PosternError } from '../../shared/errors.ts';
import { invites, type AccessPolicy } from '../../shared/wire/access.ts';
import type { AccessBook } from './access-book.ts';
import type { Attempts } from './attempts.ts';
import type { Authenticator, Identity } from './authenticator.ts';
import { bearerCredential } from './bearer.ts';
import { crossSiteProblem } from './cross-site.ts';
import { covers } from './name-patterns.ts';
import type { Standing } from './revocations.ts';
import type { Person } from './person.ts';
import type { VisitorSession, VisitorSessions } from './visitor-session.ts';

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
  /** What its agent asks for; its owner may have decided otherwise since. */
  readonly policy: AccessPolicy;
  /** True once per secret. */
  spendLink(secret: string, from: string): boolean;
}

/** With whose rights somebody is here. */
export type Role = 'owner' | 'guest' | 'public';

export interface Admission {
  /** Whose request it is: an account, `guest-` and the id of a guest link, or `public`. */
  readonly visitor: string;
  readonly role: Role;
  /** As a provider vouched for them; empty for everybody else. */
  readonly groups: readonly string[];
  /** Give the notebook its own token with the request. */
  readonly inject: boolean;
  /** The Authorization header was meant for us: the notebook must not see it. */
  readonly dropAuthorization: boolean;
  /** Stable id of the proof that let it in, for the audit log; not secret. */
  readonly credentialId?: string;
  /** Asked again and again while the visit lasts: why the visitor may be here no more, or undefined. Never throws. */
  recheck?(): PosternError | undefined;
}

export interface GateOptions {
  readonly authenticator: Authenticator;
  readonly sessions: VisitorSessions;
  readonly access: AccessBook;
  readonly attempts: Attempts;
  /** Whether a proof that was good before still is. */
  readonly standing: Standing;
  /** Unix milliseconds. */
  readonly now?: () => number;
}

const PUBLIC = { visitor: 'public', role: 'public', groups: [], inject: false, dropAuthorization: false } as const;
const KNOWN_TOKENS = 1000;

/** Somebody who proved something, before it is decided what that is worth here. */
interface Known {
  readonly account: string;
  readonly groups: readonly string[];
}

export class Gate {
  readonly #options: GateOptions;
  readonly #now: () => number;
  /** SHA-256 of a token that was verified before -> whose it is, so that scripts' requests are admitted synchronously too. */
  readonly #known = new BoundedMap<string, Identity>(KNOWN_TOKENS);

  constructor(options: GateOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
  }

  /**
   * Lets the request in, synchronously whenever a cookie or a token seen before decides. Throws or rejects with
   * PosternError: sign-in-needed, cross-site, not-yours, credential-invalid, credential-expired, credential-revoked.
   */
  admit(approach: Approach, tunnel: Guarded): Admission | Promise<Admission> {
    const credential = bearerCredential(approach.headers.authorization);
    if (this.#policy(approach.name, tunnel).kind === 'public') return this.#admitPublic(credential, approach, tunnel);
    return this.#admitKnown(credential, approach, tunnel);
  }

  /** Like `admit`, but lets in who proves to be the owner and nobody else, whatever the policy. Rejects besides with `owner-only`. */
  async admitOwner(approach: Approach, tunnel: Guarded): Promise<Admission> {
    const admission = await this.#admitKnown(bearerCredential(approach.headers.authorization), approach, tunnel);
    if (admission.role !== 'owner') throw new PosternError('owner-only');
    return admission;
  }

  /**
   * Exchanges the secret of a one-time link or of a guest link for the Set-Cookie value of a session. Throws
   * PosternError: link-spent, visitor-limit.
   */
  enter(secret: string, { name, label }: Pick<Approach, 'name' | 'label'>, tunnel: Guarded, address: string): string {
    const { attempts, sessions, access } = this.#options;
    const { owner } = tunnel.identity;
    if (!attempts.allowed(address)) throw new PosternError('visitor-limit');
    if (tunnel.spendLink(secret, address)) return sessions.issue(label, owner);
    const share = access.redeem({ name, owner }, secret);
    if (share !== undefined) return sessions.issue(label, owner, { share: share.id }, share.expires);
    attempts.failed(address);
    throw new PosternError('link-spent');
  }

  #policy(name: string, tunnel: Guarded): AccessPolicy {
    return this.#options.access.decided({ name, owner: tunnel.identity.owner })?.policy ?? tunnel.policy;
  }

  #admitKnown(credential: string | undefined, approach: Approach, tunnel: Guarded): Admission | Promise<Admission> {
    if (credential === undefined) return this.#byCookie(approach, tunnel);
    const known = this.#lookUp(credential);
    if (known !== undefined) return this.#byToken(known, approach, tunnel);
    return this.#byCredential(credential, approach, tunnel);
  }

  #byCookie({ name, label, method, headers, upgrade }: Approach, tunnel: Guarded): Admission {
    const session = this.#options.sessions.verify(headers.cookie, label, tunnel.identity.owner);
    if (session === undefined) throw new PosternError('sign-in-needed');
    const problem = crossSiteProblem({ method, headers, upgrade });
    if (problem !== undefined) throw new PosternError('cross-site', problem);
    const role = this.#roleOf(session, name, tunnel);
    if (role === undefined) throw new PosternError('not-yours', asWhom(session.person));
    return {
      visitor: visitorOf(session),
      role,
      credentialId: session.id,
      groups: session.person?.groups ?? [],
      // An Authorization of the visitor's own is the notebook's to judge, and must not be helped by ours.
      inject: headers.authorization === undefined,
      dropAuthorization: false,
      recheck: () => this.#recheckSession(session, name, tunnel),
    };
  }

  #recheckSession(session: VisitorSession, name: string, tunnel: Guarded): PosternError | undefined {
    if (session.expiresAt <= this.#now()) return new PosternError('sign-in-needed');
    return this.#roleOf(session, name, tunnel) === undefined ? new PosternError('not-yours') : undefined;
  }

  #roleOf(session: VisitorSession, name: string, tunnel: Guarded): Role | undefined {
    const { owner } = tunnel.identity;
    if (session.share !== undefined)
      return this.#options.access.holds({ name, owner }, session.share) ? 'guest' : undefined;
    // The owner's one-time link, which only the owner's terminal shows.
    if (session.person === undefined) return 'owner';
    return this.#roleOfKnown(session.person, name, tunnel);
  }

  #roleOfKnown({ account, groups }: Known, name: string, tunnel: Guarded): Role | undefined {
    if (account === tunnel.identity.owner) return 'owner';
    return invites(this.#policy(name, tunnel), account, groups) ? 'guest' : undefined;
  }

  /** A token is never sent by a browser on its own, so nothing needs to be known about where the request comes from. */
  async #byCredential(credential: string, approach: Approach, tunnel: Guarded): Promise<Admission> {
    const identity = await this.#options.authenticator.authenticate(credential, 'visitor');
    if (identity === undefined) return this.#byCookie(approach, tunnel);
    this.#known.set(digest(credential), identity);
    return this.#byToken(identity, approach, tunnel);
  }

  /** Nobody is asked who they are, but a token of ours, even a bad one, is kept from a notebook that may be anybody's. */
  #admitPublic(credential: string | undefined, { name }: Approach, tunnel: Guarded): Admission | Promise<Admission> {
    const recheck = (): PosternError | undefined =>
      this.#policy(name, tunnel).kind === 'public' ? undefined : new PosternError('sign-in-needed');
    const admission = { ...PUBLIC, recheck };
    if (credential === undefined) return admission;
    return this.#options.authenticator.authenticate(credential, 'visitor').then(
      (identity) => ({ ...admission, dropAuthorization: identity !== undefined }),
      () => ({ ...admission, dropAuthorization: true }),
    );
  }

  #lookUp(credential: string): Identity | undefined {
    const key = digest(credential);
    const known = this.#known.get(key);
    if (known === undefined || this.#options.standing(known) === undefined) return known;
    // Asked anew, it says why it holds no more.
    this.#known.delete(key);
    return undefined;
  }

  #byToken(identity: Identity, { name }: Approach, tunnel: Guarded): Admission {
    const known = { account: identity.owner, groups: [] };
    const role = covers(identity.names, name) ? this.#roleOfKnown(known, name, tunnel) : undefined;
    if (role === undefined) throw new PosternError('not-yours', asWhom(known));
    const recheck = (): PosternError | undefined => {
      const over = this.#options.standing(identity);
      if (over !== undefined) return new PosternError(over);
      return this.#roleOfKnown(known, name, tunnel) === undefined ? new PosternError('not-yours') : undefined;
    };
    return {
      visitor: identity.owner,
      role,
      groups: [],
      inject: true,
      dropAuthorization: true,
      credentialId: identity.id,
      recheck,
    };
  }
}

function visitorOf({ person, share, owner }: VisitorSession): string {
  return share === undefined ? (person?.account ?? owner) : `guest-${share}`;
}

function asWhom(person: Pick<Person, 'account'> | undefined): string | undefined {
  return person === undefined ? undefined : `You are signed in as ${person.account}.`;
}

function digest(credential: string): string {
  return createHash('sha256').update(credential).digest('base64url');
}

// Passes: how a visitor who is signed in at one host of ours gets a session at another, without a cookie that both could read.
//
// The host that lacks a session (`alice--8787`) gives the browser a random verifier as a cookie and sends it, with the
// verifier's hash, to the host that has one (`alice`); that one answers with a signed pass for exactly this host, this
// owner and this hash; and only the browser with the verifier can exchange it. So a pass that leaks is worth nothing, and
// nobody can sign somebody else in.

import { createHash, randomBytes } from 'node:crypto';

import { BoundedMap } from '../../shared/bounded-map.ts';
import { PosternError } from '../../shared/errors.ts';
import { COOKIE_NAME, cookieValues, setCookie } from './own-cookies.ts';
import { seal, unseal, type Keys } from './signature.ts';
import {
  entranceClaims,
  readEntrance,
  type Entrance,
  type VisitorSession,
  type VisitorSessions,
} from './visitor-session.ts';

export const VERIFIER_COOKIE = `${COOKIE_NAME}-pass`;

const PURPOSE = 'postern visitor pass 1';
/** How long the visitor may take to sign in at the other host, in seconds. */
const VERIFIER_AGE_S = 900;
/** From the making of a pass to its exchange: one redirect. Milliseconds. */
const PASS_TTL_MS = 60_000;
const REMEMBERED = 10_000;
/** 32 random bytes, or a SHA-256, in base64url. */
const WORD = /^[A-Za-z0-9_-]{43}$/;
const MAX_CODE = 8192;
const RETURN_PATH = /^\/[\x21-\x7e]{0,2047}$/;
const OWN_PREFIX = '/_postern/';

export interface PassesOptions {
  readonly keys: Keys;
  readonly sessions: VisitorSessions;
  /** Unix milliseconds. */
  readonly now?: () => number;
}

/** What is asked of the host that has a session. */
export interface PassRequest {
  /** The label that the pass is for, and whose name that is. */
  readonly to: string;
  readonly owner: string;
  /** SHA-256 of the verifier, base64url. */
  readonly challenge: string;
  /** Path and query to go on to. */
  readonly returnTo: string;
}

/** What a pass says; times in Unix milliseconds. */
interface Pass extends PassRequest {
  readonly id: string;
  readonly expiresAt: number;
  readonly sessionExpiresAt: number;
  readonly entrance: Entrance;
}

export interface Exchanged {
  /** Path and query on the host that the pass was for. */
  readonly returnTo: string;
  /** Set-Cookie values; none when the visitor has a session already. */
  readonly cookies: readonly string[];
}

export class Passes {
  readonly #keys: Keys;
  readonly #sessions: VisitorSessions;
  readonly #now: () => number;
  readonly #spent = new BoundedMap<string, true>(REMEMBERED);

  constructor({ keys, sessions, now = Date.now }: PassesOptions) {
    this.#keys = keys;
    this.#sessions = sessions;
    this.#now = now;
  }

  /** The challenge for a visitor without a session, and the Set-Cookie value that goes with it. Tabs share one verifier. */
  begin(cookie: string | undefined): { challenge: string; setCookie: string } {
    const verifier = verifierIn(cookie) ?? randomBytes(32).toString('base64url');
    return { challenge: digest(verifier), setCookie: setCookie(VERIFIER_COOKIE, verifier, VERIFIER_AGE_S) };
  }

  /** A pass, as text for a URL, on the word of a session that was verified. Throws PosternError `pass-invalid`. */
  grant(session: VisitorSession, { to, owner, challenge, returnTo }: PassRequest): string {
    if (!WORD.test(challenge)) throw new PosternError('pass-invalid', 'no challenge');
    const claims = {
      t: to,
      o: owner,
      c: challenge,
      r: safePath(returnTo),
      e: this.#now() + PASS_TTL_MS,
      x: session.expiresAt,
      i: randomBytes(9).toString('base64url'),
      ...entranceClaims(session),
    };
    return seal(this.#keys, PURPOSE, claims);
  }

  /** A session for who has the verifier, no longer than the one that vouched. Throws PosternError `pass-invalid`. */
  exchange(
    code: string,
    { cookie, label, owner }: { cookie: string | undefined; label: string; owner: string },
  ): Exchanged {
    const pass = this.#read(code);
    if (pass === undefined || pass.to !== label || pass.owner !== owner) throw new PosternError('pass-invalid');
    const { returnTo } = pass;
    const there = this.#sessions.verify(cookie, label, owner);
    // Another tab was quicker.
    if (there !== undefined && isSame(there, pass.entrance)) return { returnTo, cookies: [] };
    const verifier = verifierIn(cookie);
    if (verifier === undefined || digest(verifier) !== pass.challenge) throw new PosternError('pass-invalid');
    if (pass.expiresAt <= this.#now() || this.#spent.has(pass.id)) throw new PosternError('pass-invalid');
    this.#spent.set(pass.id, true);
    const session = this.#sessions.issue(label, owner, pass.entrance, pass.sessionExpiresAt);
    return { returnTo, cookies: [session, setCookie(VERIFIER_COOKIE, '', 0)] };
  }

  /** What is under our signature we have written, in this release or in another. */
  #read(code: string): Pass | undefined {
    const claims = code.length > MAX_CODE ? undefined : unseal(this.#keys, PURPOSE, code);
    const { t: to, o: owner, c: challenge, r: returnTo, i: id, e: expiresAt, x: sessionExpiresAt } = claims ?? {};
    const texts = [to, owner, challenge, returnTo, id];
    if (!texts.every((text) => typeof text === 'string')) return undefined;
    if (typeof expiresAt !== 'number' || typeof sessionExpiresAt !== 'number') return undefined;
    const entrance = readEntrance(claims ?? {});
    if (entrance === undefined) return undefined;
    return { to, owner, challenge, returnTo, id, expiresAt, sessionExpiresAt, entrance } as Pass;
  }
}

function isSame(one: Entrance, other: Entrance): boolean {
  return one.share === other.share && one.person?.account === other.person?.account;
}

function verifierIn(cookie: string | undefined): string | undefined {
  return cookieValues(cookie, VERIFIER_COOKIE).find((value) => WORD.test(value));
}

function digest(verifier: string): string {
  return createHash('sha256').update(verifier).digest('base64url');
}

/** A path that a browser can only read as one of the same host; anything else, and pages of ours, become the root. */
export function safePath(path: string): string {
  return RETURN_PATH.test(path) && !path.startsWith(OWN_PREFIX) ? path : '/';
}

// The visitor's session: a signed, expiring cookie that says whose notebook, of which name, this browser may open.

import { randomBytes } from 'node:crypto';

import { BoundedMap } from '../../shared/bounded-map.ts';
import { COOKIE_NAME, cookieValues, setCookie } from './own-cookies.ts';
import type { Person } from './person.ts';
import { claimsOf, equal, seal, sign, type Keys } from './signature.ts';

const PURPOSE = 'postern visitor session 1';
/** Browsers keep cookies of 4096 bytes, attributes included; groups make them long. */
const MAX_VALUE = 3800;
const CACHE_ENTRIES = 2000;

/** By what somebody came in; without either, it was the owner's one-time link. */
export interface Entrance {
  /** Who signed in. */
  readonly person?: Person | undefined;
  /** Id of the guest link. */
  readonly share?: string | undefined;
}

/** What a verified cookie says. */
export interface VisitorSession extends Entrance {
  /** Whose notebook it opens; empty at the host where people sign in. */
  readonly owner: string;
  /** The label of the host: `alice`, or `alice--8787`. */
  readonly name: string;
  /** Unix milliseconds. */
  readonly expiresAt: number;
  /** For logs; not secret. */
  readonly id: string;
}

export interface VisitorSessionsOptions {
  readonly keys: Keys;
  readonly ttlMs: number;
  /** Unix milliseconds. */
  readonly now?: () => number;
}

interface Verified {
  readonly mac: Buffer;
  readonly session: VisitorSession;
}

/** Issues and verifies visitors' cookies; synchronous, with a bounded cache of what was verified before. */
export class VisitorSessions {
  readonly #keys: Keys;
  readonly #ttlMs: number;
  readonly #now: () => number;
  /** Signed text -> its signature: a hit saves the HMAC, and the presented signature is compared all the same. */
  readonly #verified = new BoundedMap<string, Verified>(CACHE_ENTRIES);

  constructor(options: VisitorSessionsOptions) {
    this.#keys = options.keys;
    this.#ttlMs = options.ttlMs;
    this.#now = options.now ?? Date.now;
  }

  /** The value of a Set-Cookie header: a session at the host `name`, for as long as that belongs to `owner`; Unix milliseconds. */
  issue(name: string, owner: string, entrance: Entrance = {}, until = Infinity): string {
    const expiresAt = Math.min(until, this.#now() + this.#ttlMs);
    const claims = {
      n: name,
      o: owner,
      e: expiresAt,
      i: randomBytes(9).toString('base64url'),
      ...entranceClaims(entrance),
    };
    const maxAge = Math.floor((expiresAt - this.#now()) / 1000);
    return setCookie(COOKIE_NAME, seal(this.#keys, PURPOSE, claims), maxAge);
  }

  /** The session that a Cookie header proves for this name and owner, or undefined. */
  verify(cookieHeader: string | undefined, name: string, owner: string): VisitorSession | undefined {
    for (const value of cookieValues(cookieHeader, COOKIE_NAME)) {
      const session = this.#open(value);
      if (session === undefined || session.expiresAt <= this.#now()) continue;
      if (session.name === name && session.owner === owner) return session;
    }
    return undefined;
  }

  #open(value: string): VisitorSession | undefined {
    const end = value.lastIndexOf('.');
    if (end < 0 || value.length > MAX_VALUE) return undefined;
    const signed = value.slice(0, end);
    const presented = Buffer.from(value.slice(end + 1), 'base64url');
    const known = this.#verified.get(signed);
    if (known !== undefined) return equal(known.mac, presented) ? known.session : undefined;
    const key = this.#keys.find(signed.slice(0, signed.indexOf('.')));
    if (key === undefined) return undefined;
    const mac = sign(key, PURPOSE, signed);
    if (!equal(mac, presented)) return undefined;
    const session = readClaims(signed);
    if (session !== undefined) this.#verified.set(signed, { mac, session });
    return session;
  }
}

/** Claims under a valid signature are ours, yet a later release may write others. */
function readClaims(signed: string): VisitorSession | undefined {
  const claims = claimsOf(signed) ?? {};
  const { n: name, o: owner, e: expiresAt, i: id } = claims;
  if (typeof name !== 'string' || typeof owner !== 'string' || typeof id !== 'string') return undefined;
  const entrance = readEntrance(claims);
  return typeof expiresAt === 'number' && entrance !== undefined
    ? { name, owner, expiresAt, id, ...entrance }
    : undefined;
}

/** Who came in, and how, as claims of a session or a pass; `readEntrance` reads them. */
export function entranceClaims({ person, share }: Entrance): Record<string, unknown> {
  const who = person === undefined ? {} : { v: person.account, g: person.groups, p: person.provider };
  return { ...who, s: share };
}

/** Who came in, and how, from the claims of a session or a pass; undefined when it can't be told, for that must not be the owner. */
export function readEntrance({
  v: account,
  g: groups,
  p: provider,
  s: share,
}: Record<string, unknown>): Entrance | undefined {
  if (share !== undefined) return typeof share === 'string' ? { share } : undefined;
  if (account === undefined && groups === undefined && provider === undefined) return {};
  if (typeof account !== 'string' || typeof provider !== 'string' || !Array.isArray(groups)) return undefined;
  return { person: { account, provider, groups: groups.filter((group) => typeof group === 'string') } };
}

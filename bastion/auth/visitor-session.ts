// The visitor's session: a signed, expiring cookie that says whose notebook, of which name, this browser may open.

import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

import { BoundedMap } from '../../shared/bounded-map.ts';
import type { SessionKey, SessionKeys } from './session-keys.ts';

export const COOKIE_NAME = '__Host-postern';

/** A browser holds one cookie of ours per host; a few more are tried, as an old browser may be fooled into keeping others. */
const MAX_CANDIDATES = 4;
const MAX_VALUE = 1024;
const CACHE_ENTRIES = 2000;

/** What a verified cookie says. */
export interface VisitorSession {
  readonly owner: string;
  readonly name: string;
  /** Unix milliseconds. */
  readonly expiresAt: number;
  /** For logs; not secret. */
  readonly id: string;
}

export interface VisitorSessionsOptions {
  readonly keys: Pick<SessionKeys, 'current' | 'find'>;
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
  readonly #keys: Pick<SessionKeys, 'current' | 'find'>;
  readonly #ttlMs: number;
  readonly #now: () => number;
  /** Signed text -> its signature: a hit saves the HMAC, and the presented signature is compared all the same. */
  readonly #verified = new BoundedMap<string, Verified>(CACHE_ENTRIES);

  constructor(options: VisitorSessionsOptions) {
    this.#keys = options.keys;
    this.#ttlMs = options.ttlMs;
    this.#now = options.now ?? Date.now;
  }

  /** The value of a Set-Cookie header that lets this browser open `name` for as long as it belongs to `owner`. */
  issue(name: string, owner: string): string {
    const key = this.#keys.current();
    const expiresAt = this.#now() + this.#ttlMs;
    const claims = { n: name, o: owner, e: expiresAt, i: randomBytes(9).toString('base64url') };
    const signed = `${key.id}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}`;
    const value = `${signed}.${sign(key, signed).toString('base64url')}`;
    const maxAge = Math.floor(this.#ttlMs / 1000);
    return `${COOKIE_NAME}=${value}; Path=/; Max-Age=${maxAge}; HttpOnly; Secure; SameSite=Lax`;
  }

  /** The session that a Cookie header proves for this name and owner, or undefined. */
  verify(cookieHeader: string | undefined, name: string, owner: string): VisitorSession | undefined {
    if (cookieHeader === undefined || !cookieHeader.includes(COOKIE_NAME)) return undefined;
    for (const value of ownValues(cookieHeader)) {
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
    const mac = sign(key, signed);
    if (!equal(mac, presented)) return undefined;
    const session = readClaims(signed.slice(signed.indexOf('.') + 1));
    if (session !== undefined) this.#verified.set(signed, { mac, session });
    return session;
  }
}

/** The Cookie header without our own cookie, for the notebook; undefined when nothing else was in it. */
export function withoutOwnCookies(header: string): string | undefined {
  if (!header.includes(COOKIE_NAME)) return header;
  const kept = header.split(';').filter((pair) => cookieName(pair) !== COOKIE_NAME);
  const rest = kept.join(';').trim();
  return rest === '' ? undefined : rest;
}

function ownValues(header: string): string[] {
  return header
    .split(';')
    .filter((pair) => cookieName(pair) === COOKIE_NAME)
    .slice(0, MAX_CANDIDATES)
    .map((pair) => pair.slice(pair.indexOf('=') + 1).trim());
}

function cookieName(pair: string): string {
  const equals = pair.indexOf('=');
  return (equals < 0 ? pair : pair.slice(0, equals)).trim();
}

function sign(key: SessionKey, signed: string): Buffer {
  return createHmac('sha256', key.secret).update('postern visitor session 1\0').update(signed).digest();
}

function equal(expected: Buffer, presented: Buffer): boolean {
  return presented.length === expected.length && timingSafeEqual(expected, presented);
}

/** Claims under a valid signature are ours, yet a later release may write others. */
function readClaims(encoded: string): VisitorSession | undefined {
  try {
    const json = JSON.parse(Buffer.from(encoded, 'base64url').toString('utf8')) as Record<string, unknown>;
    const { n: name, o: owner, e: expiresAt, i: id } = json;
    if (typeof name !== 'string' || typeof owner !== 'string' || typeof id !== 'string') return undefined;
    return typeof expiresAt === 'number' ? { name, owner, expiresAt, id } : undefined;
  } catch {
    return undefined;
  }
}

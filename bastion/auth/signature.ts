// What the bastion signs for browsers: HMAC-SHA256 with a session key, a purpose apart for each kind of text.

import { createHmac, timingSafeEqual } from 'node:crypto';

import type { SessionKey, SessionKeys } from './session-keys.ts';

/** A text that is good for one purpose proves nothing for another. */
export type Purpose = 'postern visitor session 1' | 'postern visitor pass 1' | 'postern sign-in 1';

/** The keys to sign with and to look up by id. */
export type Keys = Pick<SessionKeys, 'current' | 'find'>;

export function sign(key: SessionKey, purpose: Purpose, signed: string): Buffer {
  return createHmac('sha256', key.secret).update(`${purpose}\0`).update(signed).digest();
}

/** In constant time. */
export function equal(expected: Buffer, presented: Buffer): boolean {
  return presented.length === expected.length && timingSafeEqual(expected, presented);
}

/** `<key id>.<base64url JSON>`: what is to be signed. */
export function signable(key: SessionKey, claims: object): string {
  return `${key.id}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}`;
}

/** The claims of a signed text; undefined when they are not an object of JSON. */
export function claimsOf(signed: string): Record<string, unknown> | undefined {
  try {
    const encoded = signed.slice(signed.indexOf('.') + 1);
    const json: unknown = JSON.parse(Buffer.from(encoded, 'base64url').toString('utf8'));
    return typeof json === 'object' && json !== null ? (json as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** Claims with their signature behind them. */
export function seal(keys: Keys, purpose: Purpose, claims: object): string {
  const key = keys.current();
  const signed = signable(key, claims);
  return `${signed}.${sign(key, purpose, signed).toString('base64url')}`;
}

/** The claims, if the signature is ours and for this purpose. */
export function unseal(keys: Keys, purpose: Purpose, text: string): Record<string, unknown> | undefined {
  const end = text.lastIndexOf('.');
  const signed = text.slice(0, Math.max(0, end));
  const key = keys.find(signed.slice(0, Math.max(0, signed.indexOf('.'))));
  if (key === undefined) return undefined;
  const presented = Buffer.from(text.slice(end + 1), 'base64url');
  return equal(sign(key, purpose, signed), presented) ? claimsOf(signed) : undefined;
}

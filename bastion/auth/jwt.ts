// Tokens of outside issuers (SciTokens, WLCG, any OpenID provider): verified with the issuer's keys, mapped by the site's rules.

import { createHash } from 'node:crypto';

import { decodeJwt, errors, jwtVerify } from 'jose';
import type { JWTPayload } from 'jose';

import { PosternError } from '../../shared/errors.ts';
import type { Authenticator, Identity, Use } from './authenticator.ts';
import { IssuerKeys } from './issuer-keys.ts';
import type { IssuerRule, OwnerRule, UseRule } from './issuer-rules.ts';
import { ownerProblem } from './owner.ts';

/** Clocks of issuers may differ by this much from ours, in seconds; an expired token is expired all the same. */
const CLOCK_TOLERANCE_S = 60;

interface Issuer {
  readonly rule: IssuerRule;
  readonly keys: IssuerKeys;
}

export interface IssuersOptions {
  /** Reads a PEM file of authorities; throws PosternError `options-invalid`. */
  readAuthorities(path: string): string;
  /** For issuers without a file of their own. */
  readonly authorities: string | undefined;
  /** Unix milliseconds. */
  readonly now?: () => number;
}

/** Judges tokens whose `iss` is one of the rules'. Throws PosternError `options-invalid` when a CA file can't be read. */
export function issuerAuthenticator(rules: readonly IssuerRule[], options: IssuersOptions): Authenticator {
  const { now = Date.now, authorities } = options;
  const issuers = new Map<string, Issuer>();
  for (const rule of rules) {
    const ca = rule.ca === undefined ? authorities : options.readAuthorities(rule.ca);
    issuers.set(rule.issuer, { rule, keys: new IssuerKeys({ issuer: rule.issuer, jwks: rule.jwks, ca, now }) });
  }
  return {
    async authenticate(credential, use) {
      const issuer = issuers.get(issuerOf(credential) ?? '');
      if (issuer === undefined) return undefined;
      try {
        return judge(await verify(credential, issuer, now()), credential, issuer.rule, use);
      } catch (cause) {
        throw refusal(cause);
      }
    },
  };
}

/** What it says of itself, which decides nothing but whose keys it is checked with. */
function issuerOf(credential: string): string | undefined {
  try {
    return decodeJwt(credential).iss;
  } catch {
    return undefined;
  }
}

async function verify(credential: string, { rule, keys }: Issuer, now: number): Promise<JWTPayload> {
  const { payload } = await jwtVerify(credential, (header, token) => keys.find(header, token), {
    algorithms: [...rule.algorithms],
    issuer: rule.issuer,
    audience: [...rule.audiences],
    requiredClaims: ['exp'],
    clockTolerance: CLOCK_TOLERANCE_S,
    currentDate: new Date(now),
  });
  if (Number(payload.exp) * 1000 <= now) throw new PosternError('credential-expired');
  return payload;
}

function judge(payload: JWTPayload, credential: string, rule: IssuerRule, use: Use): Identity {
  const wanted = rule.uses.get(use);
  if (wanted === undefined) throw new PosternError('credential-invalid', 'the token is for another use');
  const lacking = lackOf(payload, wanted);
  if (lacking !== undefined) throw new PosternError('credential-invalid', lacking);
  const owner = ownerOf(payload, rule.owner);
  const { exp, iat, jti } = payload;
  return {
    owner,
    names: rule.names.map((name) => name.replaceAll('{owner}', labelOf(owner))),
    expiresAt: Number(exp) * 1000,
    id: `${rule.issuer}#${plainId(jti) ?? digest(credential)}`,
    ...(iat === undefined ? {} : { issuedAt: iat * 1000 }),
  };
}

/** What the token lacks for its use, in words; undefined when it has all. */
function lackOf(payload: JWTPayload, { scopes, claims }: UseRule): string | undefined {
  const had = [...wordsOf(payload['scope']), ...wordsOf(payload['scp'])];
  for (const scope of scopes) if (!had.includes(scope)) return `the token lacks the scope ${scope}`;
  for (const [claim, value] of claims) {
    const found = payload[claim];
    if (found !== value && !(Array.isArray(found) && found.includes(value)))
      return `the token's ${claim} is not as required`;
  }
  return undefined;
}

function wordsOf(scope: unknown): string[] {
  if (typeof scope === 'string') return scope.split(' ');
  return Array.isArray(scope) ? scope.filter((item) => typeof item === 'string') : [];
}

function ownerOf(payload: JWTPayload, { claim, map, suffix, prefix }: OwnerRule): string {
  const value = payload[claim];
  if (typeof value !== 'string') throw new PosternError('credential-invalid', `the token has no ${claim}`);
  if (!value.endsWith(suffix))
    throw new PosternError('credential-invalid', `the token's ${claim} is of another domain`);
  const short = value.slice(0, value.length - suffix.length);
  const account = map === undefined ? prefix + short : map.get(value);
  if (account === undefined || ownerProblem(account) !== undefined)
    throw new PosternError('credential-invalid', `the token's ${claim} stands for no account here`);
  return account;
}

/** An account as a label: what can't be in one becomes a hyphen. Two accounts may share it; a name has one owner all the same. */
function labelOf(owner: string): string {
  return owner
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-|-$/g, '');
}

/** The issuer's own id, if it is fit for logs and command lines. */
function plainId(jti: unknown): string | undefined {
  return typeof jti === 'string' && /^[\x21-\x7e]{1,200}$/.test(jti) ? jti : undefined;
}

function digest(credential: string): string {
  return createHash('sha256').update(credential).digest('hex').slice(0, 32);
}

function refusal(cause: unknown): PosternError {
  if (cause instanceof PosternError) return cause;
  if (cause instanceof errors.JWTExpired) return new PosternError('credential-expired', undefined, { cause });
  if (cause instanceof errors.JWTClaimValidationFailed)
    return new PosternError('credential-invalid', `the token's ${cause.claim} is not as required`, { cause });
  if (cause instanceof errors.JWKSNoMatchingKey)
    return new PosternError('credential-invalid', 'the issuer has no such key', { cause });
  return new PosternError('credential-invalid', undefined, { cause });
}

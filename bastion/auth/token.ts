// Tokens of the bastion's own making: Ed25519-signed JWTs that an agent registers with, or a script visits with.

import { createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { join } from 'node:path';

import { decodeProtectedHeader, errors, jwtVerify, SignJWT } from 'jose';
import type { JWTPayload } from 'jose';

import { PosternError } from '../../shared/errors.ts';
import type { Authenticator, Identity } from './authenticator.ts';
import { ownerProblem } from './owner.ts';
import { ensureSecretDirectory, readOrCreateSecret } from './secret-files.ts';
import type { SignedToken, TokenRequest } from './token-book.ts';
import { issuingProblem, patternsProblem, readIssuing, readLimits } from './token-limits.ts';

const ISSUER = 'postern';
/** Tells our tokens from any other JWT: another kind of token is somebody else's to judge. */
const TYPE = 'postern+jwt';
const ALGORITHM = 'EdDSA';
const KEY_FILE = 'token-key.pem';

/** The signing key in the state directory, made on first use. Throws PosternError `state-unusable`. */
export function loadTokenKey(stateDirectory: string): KeyObject {
  ensureSecretDirectory(stateDirectory);
  const path = join(stateDirectory, KEY_FILE);
  const pem = readOrCreateSecret(path, newKey);
  try {
    const key = createPrivateKey(pem);
    if (key.asymmetricKeyType === 'ed25519') return key;
  } catch (cause) {
    throw new PosternError('state-unusable', `${path}: it holds no private key`, { cause });
  }
  throw new PosternError('state-unusable', `${path}: its key is not an Ed25519 key`);
}

/** A signed token. Throws PosternError `options-invalid` when owner, patterns or lifetime are impossible. */
export async function signToken(key: KeyObject, request: TokenRequest, now = Date.now()): Promise<SignedToken> {
  const problem = requestProblem(request);
  if (problem !== undefined) throw new PosternError('options-invalid', problem);
  const issuedAt = Math.floor(now / 1000);
  // Rounded up, so that it never holds for less than was asked for.
  const expiresAt = Math.ceil((now + request.ttlMs) / 1000);
  const id = randomBytes(12).toString('hex');
  const { limits, issuing } = request;
  const more = { ...(limits === undefined ? {} : { limits }), ...(issuing === undefined ? {} : { issuing }) };
  const token = await new SignJWT({ names: [...request.names], ...more })
    .setProtectedHeader({ alg: ALGORITHM, typ: TYPE })
    .setIssuer(ISSUER)
    .setSubject(request.owner)
    .setAudience(request.use)
    .setJti(id)
    .setIssuedAt(issuedAt)
    .setExpirationTime(expiresAt)
    .sign(key);
  return { token, id, created: issuedAt * 1000, expires: expiresAt * 1000 };
}

/** The text of a signed token alone. */
export async function createToken(key: KeyObject, request: TokenRequest, now = Date.now()): Promise<string> {
  return (await signToken(key, request, now)).token;
}

/** Judges tokens made with the same key; `now` gives Unix milliseconds. */
export function tokenAuthenticator(key: KeyObject, now: () => number = Date.now): Authenticator {
  const publicKey = createPublicKey(key);
  return {
    async authenticate(credential, use) {
      if (!isToken(credential)) return undefined;
      try {
        const { payload } = await jwtVerify(credential, publicKey, {
          algorithms: [ALGORITHM],
          typ: TYPE,
          issuer: ISSUER,
          audience: use,
          requiredClaims: ['sub', 'jti', 'exp', 'names'],
          currentDate: new Date(now()),
        });
        return identityOf(payload);
      } catch (cause) {
        throw refusal(cause);
      }
    },
  };
}

function requestProblem(request: TokenRequest): string | undefined {
  const owner = ownerProblem(request.owner);
  if (owner !== undefined) return `owner ${owner}`;
  if (request.names.length === 0) return 'a token needs at least one name pattern';
  const problem = patternsProblem(request.names);
  if (problem !== undefined) return problem;
  if ((request.use === 'api') !== (request.issuing !== undefined))
    return 'what it may make tokens for is said of a token for the API, and of no other';
  const badIssuing = request.issuing === undefined ? undefined : issuingProblem(request.issuing);
  if (badIssuing !== undefined) return badIssuing;
  return request.ttlMs >= 1000 ? undefined : 'a token must hold for at least one second';
}

function newKey(): string {
  return generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

function isToken(credential: string): boolean {
  try {
    return decodeProtectedHeader(credential).typ === TYPE;
  } catch {
    return false;
  }
}

function identityOf(payload: JWTPayload): Identity {
  const { sub, jti, exp, iat, names } = payload as JWTPayload & { names: unknown };
  const wellFormed =
    typeof sub === 'string' &&
    typeof jti === 'string' &&
    typeof exp === 'number' &&
    Array.isArray(names) &&
    names.every((name): name is string => typeof name === 'string');
  if (!wellFormed) throw new PosternError('credential-invalid', 'the token lacks a claim');
  const limits = readLimits(payload['limits']);
  const issuing = readIssuing(payload['issuing']);
  return {
    owner: sub,
    names,
    expiresAt: exp * 1000,
    id: jti,
    ...(iat === undefined ? {} : { issuedAt: iat * 1000 }),
    ...(limits === undefined ? {} : { limits }),
    ...(issuing === undefined ? {} : { issuing }),
  };
}

function refusal(cause: unknown): PosternError {
  if (cause instanceof PosternError) return cause;
  if (cause instanceof errors.JWTExpired) return new PosternError('credential-expired', undefined, { cause });
  if (cause instanceof errors.JWTClaimValidationFailed && cause.claim === 'aud')
    return new PosternError('credential-invalid', 'the token is for another use', { cause });
  return new PosternError('credential-invalid', undefined, { cause });
}

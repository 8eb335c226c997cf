// What an agent brings along in its upgrade request, read in an order that shows nothing to strangers: the proof first.

import type { IncomingMessage } from 'node:http';

import { PosternError } from '../../shared/errors.ts';
import { REGISTRATION_HEADER, SUBPROTOCOL, decodeRegistration } from '../../shared/wire/handshake.ts';
import type { Registration } from '../../shared/wire/handshake.ts';
import type { Attempts } from '../auth/attempts.ts';
import type { Authenticator, Identity } from '../auth/authenticator.ts';
import { bearerCredential } from '../auth/bearer.ts';

/** Whom is asked who somebody is, and what strangers may try. */
export interface Identification {
  readonly authenticator: Authenticator;
  /** Wrong credentials from one address. */
  readonly attempts: Attempts;
  readonly address: string;
  /** Unix milliseconds. */
  readonly now: number;
}

/** Who the agent is. Rejects with PosternError: credential-missing, -invalid, -expired, -revoked, -limit; issuer-unreachable. */
export async function identify(request: IncomingMessage, asked: Identification): Promise<Identity> {
  const { authorization } = request.headers;
  const { attempts, address } = asked;
  if (!attempts.allowed(address)) throw new PosternError('credential-limit');
  const credential = bearerCredential(authorization);
  if (credential === undefined)
    throw new PosternError(authorization === undefined ? 'credential-missing' : 'credential-invalid');
  const identity = await asked.authenticator.authenticate(credential, 'agent').catch((error: unknown) => {
    // One that has expired was good: a job that goes on with it is no attacker.
    if (error instanceof PosternError && error.code === 'credential-invalid') attempts.failed(address);
    throw error;
  });
  if (identity === undefined) {
    attempts.failed(address);
    throw new PosternError('credential-invalid');
  }
  if (identity.expiresAt <= asked.now) throw new PosternError('credential-expired');
  return identity;
}

/** True when the request holds a registration, good or not. */
export function asksToRegister(request: IncomingMessage): boolean {
  return request.headers[REGISTRATION_HEADER] !== undefined;
}

/** What the agent asks for. Throws PosternError: version-unsupported, registration-malformed. */
export function registrationOf(request: IncomingMessage, from = REGISTRATION_HEADER): Registration {
  const offered = request.headers['sec-websocket-protocol']?.split(',').map((protocol) => protocol.trim()) ?? [];
  if (!offered.includes(SUBPROTOCOL))
    throw new PosternError('version-unsupported', `this bastion speaks ${SUBPROTOCOL}`);
  const header = request.headers[from];
  if (typeof header !== 'string') throw new PosternError('registration-malformed', `the header ${from} is missing`);
  return decodeRegistration(header);
}

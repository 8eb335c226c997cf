// What an agent brings along in its upgrade request, read in an order that shows nothing to strangers: the proof first.

import type { IncomingMessage } from 'node:http';

import { PosternError } from '../../shared/errors.ts';
import { REGISTRATION_HEADER, SUBPROTOCOL, decodeRegistration } from '../../shared/wire/handshake.ts';
import type { Registration } from '../../shared/wire/handshake.ts';
import type { Authenticator, Identity } from '../auth/authenticator.ts';
import { bearerCredential } from '../auth/bearer.ts';

/** Who the agent is. Throws PosternError: credential-missing, credential-invalid, credential-expired. */
export async function identify(request: IncomingMessage, authenticator: Authenticator, now: number): Promise<Identity> {
  const { authorization } = request.headers;
  const credential = bearerCredential(authorization);
  if (credential === undefined)
    throw new PosternError(authorization === undefined ? 'credential-missing' : 'credential-invalid');
  const identity = await authenticator.authenticate(credential, 'agent');
  if (identity === undefined) throw new PosternError('credential-invalid');
  if (identity.expiresAt <= now) throw new PosternError('credential-expired');
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

// The 101 of a registration: what the bastion grants to the agent, and the link that begins with it.

import { randomBytes } from 'node:crypto';

import { PosternError } from '../../shared/errors.ts';
import type { LinkOptions, WebSocketLink } from '../../shared/link/websocket-link.ts';
import { acceptLink } from '../../shared/link/accept.ts';
import { ACCEPTANCE_HEADER, encodeHeader } from '../../shared/wire/handshake.ts';
import type { Acceptance } from '../../shared/wire/handshake.ts';
import type { Upgrade } from './resumption.ts';
import type { TunnelLink } from './tunnel-link.ts';
import type { LiveTunnel } from './tunnel.ts';

/** What the 101 gives out: the session's public id, and the key to resume it with. */
export interface Granted {
  readonly session: string;
  readonly resumeKey: string;
  /** Once it has joined a tunnel. */
  joined?: TunnelLink<LiveTunnel>;
}

export function grant(): Granted {
  return { session: randomBytes(16).toString('hex'), resumeKey: randomBytes(32).toString('base64url') };
}

/** The link, or undefined when the agent went away meanwhile. */
export async function acceptAgent(
  { request, socket, head }: Upgrade,
  acceptance: Acceptance,
  options: LinkOptions,
): Promise<WebSocketLink | undefined> {
  const headers = { [ACCEPTANCE_HEADER]: encodeHeader(acceptance) };
  try {
    return await acceptLink(request, socket, head, { headers, maxMessage: acceptance.limits.message, ...options });
  } catch (error) {
    if (error instanceof PosternError && error.code === 'link-closed') return undefined;
    throw error;
  }
}

// One attempt to register at the bastion: the token read afresh, the upgrade, and a session over the link.

import { PosternError } from '../shared/errors.ts';
import { dialLink } from '../shared/link/dial.ts';
import { Session } from '../shared/mux/session.ts';
import type { Stream } from '../shared/mux/stream.ts';
import { lookup } from '../shared/net/resolve.ts';
import {
  ACCEPTANCE_HEADER,
  decodeAcceptance,
  encodeHeader,
  REGISTRATION_HEADER,
  TUNNEL_PATH,
  type Info,
  type Registration,
} from '../shared/wire/handshake.ts';
import { readSecretFile } from './secret-file.ts';
import type { Dial } from './supervise.ts';

export interface DialPlan {
  /** `https://notebooks.example.org:8443`. */
  readonly bastion: string;
  /** PEM; undefined leaves it to Node. */
  readonly ca: string | undefined;
  readonly tokenFile: string;
  /** All-zero WebSocket masks: only ever over TLS, which is all there is here. */
  readonly zeroMask: boolean;
  readonly timeoutMs: number;
  /** Asked for at each attempt: one-time links come and go. */
  registration(): Registration;
  onStream(stream: Stream): void;
  onInfo(info: Info): void;
}

/** Makes the supervisor's dial. It rejects with a DialError, or a PosternError `options-invalid` for an unusable token file. */
export function createDial(plan: DialPlan): Dial {
  return async (signal, onGoAway) => {
    const registration = plan.registration();
    const { link, headers } = await dialLink({
      url: tunnelUrl(plan.bastion),
      headers: {
        authorization: `Bearer ${readSecretFile(plan.tokenFile)}`,
        'user-agent': registration.agent,
        [REGISTRATION_HEADER]: encodeHeader(registration),
      },
      ca: plan.ca,
      lookup,
      timeoutMs: plan.timeoutMs,
      signal,
      zeroMask: plan.zeroMask,
      maxMessage: registration.limits.message,
    });
    try {
      const acceptance = decodeAcceptance(String(headers[ACCEPTANCE_HEADER] ?? ''));
      const session = new Session(link, {
        role: 'agent',
        own: registration.limits,
        peer: acceptance.limits,
        onStream: (stream) => plan.onStream(stream),
        onInfo: (info) => plan.onInfo(info),
        onGoAway,
      });
      return { session, acceptance };
    } catch (cause) {
      const error = new PosternError('protocol-error', "the bastion's acceptance cannot be read", { cause });
      link.destroy(error);
      throw error;
    }
  };
}

function tunnelUrl(bastion: string): string {
  const url = new URL(TUNNEL_PATH, bastion);
  url.protocol = 'wss:';
  return url.href;
}

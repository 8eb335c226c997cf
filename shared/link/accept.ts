// Accepting an agent's WebSocket: answers the upgrade that registration has already decided on.

import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import { PosternError } from '../errors.ts';
import { SUBPROTOCOL } from '../wire/handshake.ts';
import { WebSocketLink, type Carrier, type LinkOptions } from './websocket-link.ts';

export interface AcceptOptions {
  /** Headers of the 101. */
  readonly headers: Readonly<Record<string, string>>;
  /** Longest message taken from the agent, in bytes. */
  readonly maxMessage: number;
}

/**
 * Answers 101 and gives the link. Rejects with `registration-malformed` when the upgrade itself is not valid (nothing has
 * been answered then), and with `link-closed` when the agent has gone already.
 */
export async function acceptLink(
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  { headers, maxMessage, ...link }: AcceptOptions & LinkOptions,
): Promise<WebSocketLink> {
  return new WebSocketLink(await acceptCarrier(request, socket, head, { headers, maxMessage }), link);
}

/** Answers 101 and gives the bare WebSocket, for a link that goes on over it. Rejects like `acceptLink`. */
export function acceptCarrier(
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  options: AcceptOptions,
): Promise<Carrier> {
  return new Promise((resolve, reject) => {
    // One for each handshake: it holds no state beyond its options, and so headers can't reach another's answer.
    const server = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload: options.maxMessage,
      // Our messages are never fragmented.
      maxFragments: 4,
      // The link answers pings, and not without bound.
      autoPong: false,
      handleProtocols: (offered) => (offered.has(SUBPROTOCOL) ? SUBPROTOCOL : false),
    });
    server.on('headers', (lines) => {
      for (const [name, value] of Object.entries(options.headers)) lines.push(`${name}: ${value}`);
    });
    // With a listener, `ws` leaves the answer to us.
    server.on('wsClientError', (error) => reject(new PosternError('registration-malformed', error.message)));
    server.handleUpgrade(request, socket, head, (webSocket) => {
      webSocket.pause();
      resolve({ webSocket, socket });
    });
    // It answers in the call or, with nobody left to answer, not at all.
    reject(new PosternError('link-closed', 'the agent went away during the handshake'));
  });
}

// The key of a WebSocket handshake, which HTTP/2 has no need of and the notebook asks for (RFC 6455 §4.1, RFC 8441 §5).

import { createHash, randomBytes } from 'node:crypto';

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

export function newWebSocketKey(): string {
  return randomBytes(16).toString('base64');
}

/** What a server that has understood the handshake answers to the key. */
export function acceptOf(key: string): string {
  return createHash('sha1').update(`${key}${GUID}`).digest('base64');
}

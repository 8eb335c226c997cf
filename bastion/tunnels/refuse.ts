// The refusal of a registration: plain HTTP with a problem document on the raw socket, before any object exists.

import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';

import { toProblem } from '../../shared/errors.ts';
import type { ErrorCode, PosternError } from '../../shared/errors.ts';
import { SUBPROTOCOL } from '../../shared/wire/handshake.ts';

/** How long the other end may take to read the refusal and go, in milliseconds. */
const PATIENCE_MS = 5_000;

/** Answers and closes; `retryAfterS` in whole seconds. */
export function refuse(socket: Duplex, error: PosternError, retryAfterS?: number): void {
  if (socket.destroyed) return;
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const timer = setTimeout(() => socket.destroy(), PATIENCE_MS).unref();
  socket.once('close', () => clearTimeout(timer));
  socket.on('error', () => {});
  // What the other end still sends is read and dropped: unread bytes would turn the close into a TCP reset.
  socket.once('end', () => socket.destroy());
  socket.resume();
  socket.end(refusalText(error, retryAfterS));
}

/** The whole response. */
export function refusalText(error: PosternError, retryAfterS?: number): string {
  const problem = toProblem(error);
  const body = JSON.stringify(problem);
  const headers = [
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status] ?? 'Refused'}`,
    'Content-Type: application/problem+json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Cache-Control: no-store',
    problem.status === 426 ? 'Connection: close, Upgrade' : 'Connection: close',
  ];
  if (problem.status === 401) headers.push('WWW-Authenticate: Bearer realm="postern"');
  if (problem.status === 426) headers.push('Upgrade: websocket', `Sec-WebSocket-Protocol: ${SUBPROTOCOL}`);
  if (retryAfterS !== undefined) headers.push(`Retry-After: ${retryAfterS}`);
  return `${headers.join('\r\n')}\r\n\r\n${body}`;
}

/** Spread, so that agents that were refused or sent away together do not come back together. */
export function patienceS(code: ErrorCode): number | undefined {
  if (code === 'handshake-limit') return 1 + Math.floor(Math.random() * 5);
  if (code === 'tunnel-limit' || code === 'link-limit') return 5 + Math.floor(Math.random() * 10);
  return code === 'draining' ? 1 : undefined;
}

// What a visitor reads where the notebook can't be reached and no bastion can say so: a small page of our own, inside the visitor's TLS.

import { STATUS_CODES } from 'node:http';
import type { TLSSocket } from 'node:tls';

import { errorEntry, type ErrorCode } from '../shared/errors.ts';
import type { Clock } from '../shared/mux/clock.ts';

/** How long a visitor may take to ask, and to hear the answer, in milliseconds. */
const PATIENCE_MS = 10_000;
const RETRY_SECONDS = 3;

/** Answers whatever is asked for, and closes. The socket is the callee's from then on. */
export function answerRefused(visitor: TLSSocket, code: ErrorCode, clock: Clock): void {
  if (visitor.destroyed) return;
  const timer = clock.setTimeout(() => visitor.destroy(), PATIENCE_MS);
  visitor.once('close', () => clock.clearTimeout(timer));
  visitor.once('end', () => visitor.end());
  // Before a request, an answer would be to none.
  visitor.once('data', () => visitor.end(refusedAnswer(code)));
  visitor.resume();
}

/** A whole HTTP/1.1 response. */
export function refusedAnswer(code: ErrorCode): string {
  const { status, title, advice, wire } = errorEntry(code);
  const body = `${title}.\n${advice}\n\n${code} (${wire})\n`;
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Refused'}`,
    'Content-Type: text/plain; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Cache-Control: no-store',
    'X-Content-Type-Options: nosniff',
    `postern-code: ${code}`,
    ...(status === 503 ? [`Retry-After: ${RETRY_SECONDS}`, `Refresh: ${RETRY_SECONDS}`] : []),
    'Connection: close',
  ];
  return `${head.join('\r\n')}\r\n\r\n${body}`;
}

// The last word to a visitor whose TLS connection is refused before TLS has begun: an alert, since there is no HTTP to say it in.

import type { Socket } from 'node:net';

import type { ErrorCode } from '../../shared/errors.ts';

/** RFC 8446, section 6. */
const ALERT = { decodeError: 50, internalError: 80, unrecognizedName: 112 } as const;

/** How long the visitor may take to hear it and go, in milliseconds. */
const PATIENCE_MS = 2_000;

const NAMELESS: readonly ErrorCode[] = ['name-unknown', 'tunnel-absent', 'service-unknown'];
const UNREADABLE: readonly ErrorCode[] = ['hello-too-large', 'proxy-header-invalid'];

/** Ends a connection on which nothing was sent yet. The socket is the callee's from then on. */
export function endWithAlert(socket: Socket, code: ErrorCode): void {
  // Who has not even said hello is not listening for an answer.
  if (socket.destroyed || !socket.writable || code === 'hello-timeout') return void socket.destroy();
  const timer = setTimeout(() => socket.destroy(), PATIENCE_MS);
  socket.once('close', () => clearTimeout(timer));
  socket.once('end', () => socket.destroy());
  // What still comes is read and dropped: unread bytes would turn the close into a TCP reset that overtakes the alert.
  socket.on('data', () => {});
  socket.resume();
  socket.end(alertRecord(descriptionOf(code)));
}

/** A fatal alert as the first record that a server sends. */
function alertRecord(description: number): Buffer {
  return Buffer.from([21, 3, 3, 0, 2, 2, description]);
}

function descriptionOf(code: ErrorCode): number {
  if (NAMELESS.includes(code)) return ALERT.unrecognizedName;
  return UNREADABLE.includes(code) ? ALERT.decodeError : ALERT.internalError;
}

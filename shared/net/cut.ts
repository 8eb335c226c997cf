// Ends a connection so that the other end sees it cut, and takes what came for no more than a beginning.

import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';

/** Idempotent. By a TCP reset where there is TCP; elsewhere, closing in the middle is all there is. */
export function cut(socket: Duplex): void {
  const isTcp = socket instanceof Socket && !(socket instanceof TLSSocket) && socket.remoteFamily !== undefined;
  // While its end is on the way, the system refuses a reset, and Node would never close the socket any more. Nothing is
  // lost by a plain close: everything that was to be sent has been.
  const isEnding = socket.writableEnded && socket.writableLength === 0 && !socket.writableFinished;
  if (isTcp && !isEnding) socket.resetAndDestroy();
  else socket.destroy();
}

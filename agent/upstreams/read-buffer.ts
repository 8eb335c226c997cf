// One buffer for the reads of all upstream sockets: the kernel fills it and what came is copied out at its true size.

import type { OnReadOpts, Socket } from 'node:net';

/** As much as one read takes at most. */
const READ_BYTES = 65_536;

// Safe to share: a read and its callback are one synchronous step.
const shared = Buffer.allocUnsafeSlow(READ_BYTES);

/**
 * Makes an outgoing socket that reads through the shared buffer. Node would allocate 64 KiB for each read and shrink it
 * afterwards, which for a notebook's many small answers costs more than the copy.
 */
export function readInto<S extends Socket>(create: (onread: OnReadOpts) => S): S {
  const socket: S = create({
    buffer: shared,
    callback: (bytes, buffer) => {
      const chunk = Buffer.allocUnsafe(bytes);
      chunk.set(buffer.subarray(0, bytes));
      return socket.push(chunk);
    },
  });
  return socket;
}

// One buffer for the reads of all upstream sockets: the kernel fills it, and what came is copied out at its true size.

import type { OnReadOpts, Socket } from 'node:net';

import { LendingPool } from '../../shared/net/lent-buffer.ts';

/** As much as one read takes at most. */
const READ_BYTES = 65_536;
/** Smaller reads are copied into memory of their own size. */
const LARGE_BYTES = 16_384;
const KEPT_BUFFERS = 32;

// Safe to share: a read and its callback are one synchronous step.
const shared = Buffer.allocUnsafeSlow(READ_BYTES);
const pool = new LendingPool(READ_BYTES, KEPT_BUFFERS);

/**
 * Makes an outgoing socket that reads through the shared buffer. Node would allocate 64 KiB for each read and shrink it
 * afterwards: for many small answers that costs more than the copy, and for large ones it keeps the garbage collector busy.
 */
export function readInto<S extends Socket>(create: (onread: OnReadOpts) => S): S {
  const socket: S = create({
    buffer: shared,
    callback: (bytes, buffer) => {
      const data = buffer.subarray(0, bytes);
      return socket.push(bytes < LARGE_BYTES ? Buffer.from(data) : pool.lend(data));
    },
  });
  return socket;
}

// Request ids: what a visitor can read out to the operator, and the operator finds in the log.

import { randomFillSync } from 'node:crypto';

const ID_BYTES = 8;
/** Random bytes are fetched for many ids at once: a call for each would cost more than the rest of a small request's log line. */
const pool = Buffer.alloc(ID_BYTES * 512);
let used = pool.length;

/** 64 random bits in hexadecimal. */
export function newRequestId(): string {
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  used += ID_BYTES;
  return pool.toString('hex', used - ID_BYTES, used);
}

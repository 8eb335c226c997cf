// A visit after its switch of protocols: visitor and notebook spliced, and their bytes counted.

import type { Duplex } from 'node:stream';

import { splice } from '../../shared/net/pipe.ts';
import type { UpstreamStream } from '../forward/stream-pool.ts';

/** What came over the new protocol ahead of the splice. */
export interface Ahead {
  /** Bytes of the visitor's, held back until the switch. */
  readonly early: readonly Buffer[];
  /** Bytes of the notebook's, behind its answer. */
  readonly rest: Buffer;
}

/** Both are paused when it is called. `cut` ends the visitor's side visibly. Resolves with the bytes of each way once both have closed. */
export async function join(
  visitor: Duplex,
  stream: UpstreamStream,
  { early, rest }: Ahead,
  cut: () => void,
): Promise<{ bytesIn: number; bytesOut: number }> {
  let bytesOut = rest.length;
  let bytesIn = 0;
  if (rest.length > 0) visitor.write(rest);
  for (const chunk of early) {
    bytesIn += chunk.length;
    stream.write(chunk);
  }
  stream.on('data', (chunk: Buffer) => (bytesOut += chunk.length));
  visitor.on('data', (chunk: Buffer) => (bytesIn += chunk.length));
  const ended = splice(visitor, stream, (failed) => {
    if (failed === visitor) stream.abort('stream-cancelled');
    else cut();
  });
  if (!visitor.writableNeedDrain) stream.resume();
  if (!stream.writableNeedDrain) visitor.resume();
  await ended;
  return { bytesIn, bytesOut };
}

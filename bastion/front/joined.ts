// A visit after its switch of protocols: visitor and notebook spliced, and their bytes counted.

import type { Duplex } from 'node:stream';

import { splice } from '../../shared/net/pipe.ts';
import type { SwitchedTraffic } from '../forward/switched-traffic.ts';
import type { UpstreamStream } from '../forward/stream-pool.ts';

/** What came over the new protocol ahead of the splice. */
export interface Ahead {
  /** Bytes of the visitor's, held back until the switch. */
  readonly early: readonly Buffer[];
  /** Bytes of the notebook's, behind its answer. */
  readonly rest: Buffer;
  /** Sees every byte of both ways. */
  readonly watch: SwitchedTraffic | undefined;
}

/** Bytes of each way. */
export interface Carried {
  readonly bytesIn: number;
  readonly bytesOut: number;
}

/** Both are paused when it is called. `cut` ends the visitor's side visibly. Resolves with the bytes of each way once both have closed. */
export function join(
  visitor: Duplex,
  stream: UpstreamStream,
  { early, rest, watch }: Ahead,
  cut: () => void,
): Promise<Carried> {
  let bytesOut = rest.length;
  let bytesIn = 0;
  watch?.out(rest);
  if (rest.length > 0) visitor.write(rest);
  for (const chunk of early) {
    bytesIn += chunk.length;
    watch?.in(chunk);
    stream.write(chunk);
  }
  stream.on('data', (chunk: Buffer) => {
    bytesOut += chunk.length;
    watch?.out(chunk);
  });
  visitor.on('data', (chunk: Buffer) => {
    bytesIn += chunk.length;
    watch?.in(chunk);
  });
  const ended = splice(visitor, stream, (failed) => {
    if (failed === visitor) stream.abort('stream-cancelled');
    else cut();
  });
  if (!visitor.writableNeedDrain) stream.resume();
  if (!stream.writableNeedDrain) visitor.resume();
  // Not awaited: what is suspended here would hold on to its arguments for days.
  return ended.then(() => {
    watch?.ended();
    return { bytesIn, bytesOut };
  });
}

// A rehearsal of a registration: everything is decided as for a real one, nothing is kept, and bytes may be sent both ways to measure.

import type { IncomingMessage } from 'node:http';

import { PosternError } from '../../shared/errors.ts';
import type { WebSocketLink } from '../../shared/link/websocket-link.ts';
import { Budget } from '../../shared/mux/budget.ts';
import { Session } from '../../shared/mux/session.ts';
import type { Stream } from '../../shared/mux/stream.ts';
import { PROBE_HEADER, PROBE_LONGEST_BYTES, PROBE_SERVICE } from '../../shared/wire/handshake.ts';
import type { Limits } from '../../shared/wire/handshake.ts';

/** Rehearsals under way at once, and how long one may take, in milliseconds. */
const AT_ONCE = 4;
const LONGEST_MS = 60_000;
const STREAMS = 2;
/** All that streams of a rehearsal may have granted, in bytes. */
const CREDIT = 8 * 2 ** 20;
const ZEROS = Buffer.alloc(64 * 1024);
/** The longest first line: a count of bytes. */
const LONGEST_LINE = 12;

/** True when the agent asks what a registration would be answered. */
export function asksToProbe(request: IncomingMessage): boolean {
  return request.headers[PROBE_HEADER] !== undefined;
}

export class Probes {
  #running = 0;

  /** Throws PosternError `handshake-limit` when too many are under way. */
  check(): void {
    if (this.#running >= AT_ONCE) throw new PosternError('handshake-limit', 'too many rehearsals at once');
  }

  /** Serves one until the agent leaves, or its time is over. */
  serve(link: WebSocketLink, limits: { readonly own: Limits; readonly peer: Limits }): void {
    this.#running += 1;
    const session = new Session(link, {
      role: 'bastion',
      own: { ...limits.own, streams: STREAMS },
      peer: limits.peer,
      budget: new Budget(CREDIT),
      onStream: measure,
    });
    const timer = setTimeout(() => session.destroy(new PosternError('session-closed')), LONGEST_MS).unref();
    void session.closed.then(() => {
      clearTimeout(timer);
      this.#running -= 1;
    });
  }
}

/** Takes a line with a count and whatever follows; after the end of that it sends so many bytes. */
function measure(stream: Stream): void {
  stream.on('error', () => {});
  if (stream.service !== PROBE_SERVICE) return stream.fail('service-unknown');
  let line = '';
  let wanted: number | undefined;
  let taken = 0;
  stream.on('data', (chunk: Buffer) => {
    taken += chunk.length;
    if (taken > PROBE_LONGEST_BYTES) return stream.abort('stream-cancelled');
    if (wanted !== undefined) return;
    line += chunk.toString('latin1', 0, LONGEST_LINE + 1);
    const [, count] = /^(\d{1,11})\n/.exec(line) ?? [];
    if (count !== undefined) wanted = Number(count);
    else if (line.length > LONGEST_LINE) stream.abort('protocol-error');
  });
  stream.on('end', () => {
    if (wanted === undefined || wanted > PROBE_LONGEST_BYTES) return stream.abort('protocol-error');
    send(stream, wanted);
  });
}

function send(stream: Stream, bytes: number): void {
  let left = bytes;
  const more = (): void => {
    while (left > 0 && !stream.destroyed) {
      const size = Math.min(left, ZEROS.length);
      left -= size;
      if (!stream.write(ZEROS.subarray(0, size)) && left > 0) return;
    }
    stream.off('drain', more);
    stream.end();
  };
  stream.on('drain', more);
  more();
}

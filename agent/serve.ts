// Serves the streams that the bastion opens: each is joined to a new connection to the upstream of the service it names.

import type { Duplex } from 'node:stream';

import { PosternError, type ErrorCode } from '../shared/errors.ts';
import type { Clock } from '../shared/mux/clock.ts';
import { cut } from '../shared/net/cut.ts';
import { splice } from '../shared/net/pipe.ts';
import type { Log } from '../shared/program/log.ts';
import { TokenBucket, type Rate } from '../shared/token-bucket.ts';
import { upstreamCode } from './upstreams/connect.ts';
import type { Upstream } from './upstreams/upstream.ts';

/** starting: has not answered yet. ready: has answered once. exited: its program has ended. unwatched: nobody knows if it will ever answer. */
export type Phase = 'starting' | 'ready' | 'exited' | 'unwatched';

/** What a stream may ask for by name; the address stays with the agent. */
export interface Service {
  readonly name: string;
  readonly upstream: Upstream;
  phase(): Phase;
}

/** As much of a mux stream as serving needs. */
export interface IncomingStream extends Duplex {
  readonly service: string;
  /** Resets after what is queued. */
  fail(code: ErrorCode): void;
}

/** What all links together take; a stream beyond it is refused, and the others go on. */
export interface ServeLimits {
  /** Open at once. */
  readonly streams: number;
  readonly opens: Rate;
}

export interface ServeOptions {
  /** The service of a name that a stream asks for, or undefined. */
  readonly services: { get(name: string): Service | undefined };
  /** How long an upstream may take to accept, in milliseconds. */
  readonly connectTimeoutMs: number;
  /** Without them, each session's own limit is all there is. */
  readonly limits?: ServeLimits;
  readonly clock: Clock;
  readonly log: Log;
}

/** The listener for a session's `onStream`. Never throws; every stream ends with END both ways or with RESET and a code. */
export function createServe(options: ServeOptions): (stream: IncomingStream) => void {
  const admit = createAdmit(options);
  return (stream) => {
    // What goes wrong with a stream is seen by its close; without this listener it would end the process.
    stream.on('error', () => {});
    const refused = admit(stream);
    if (refused !== undefined) return stream.fail(refused);
    const service = options.services.get(stream.service);
    if (service === undefined) return stream.fail('service-unknown');
    if (service.phase() === 'exited') return stream.fail('upstream-exited');
    dialFor(stream, service, options);
  };
}

/** Counts a stream, or says why there is no room for it. */
function createAdmit({ limits, clock }: ServeOptions): (stream: IncomingStream) => ErrorCode | undefined {
  if (limits === undefined) return () => undefined;
  const bucket = new TokenBucket(limits.opens, () => clock.now());
  let open = 0;
  return (stream) => {
    if (open >= limits.streams) return 'stream-limit';
    if (!bucket.take()) return 'stream-rate';
    open += 1;
    stream.once('close', () => (open -= 1));
    return undefined;
  };
}

function dialFor(stream: IncomingStream, service: Service, options: ServeOptions): void {
  const { clock, connectTimeoutMs } = options;
  const abort = new AbortController();
  const timer = clock.setTimeout(() => abort.abort(new PosternError('upstream-timeout')), connectTimeoutMs);
  const visitorLeft = (): void => abort.abort(new PosternError('stream-cancelled'));
  stream.once('close', visitorLeft);
  const settled = (): void => {
    clock.clearTimeout(timer);
    stream.off('close', visitorLeft);
  };
  service.upstream.dial(abort.signal).then(
    (socket) => {
      settled();
      void splice(stream, socket, (failed, _other, error) =>
        // The notebook must not take the visitor's breaking off for an end.
        failed === stream ? cut(socket) : stream.fail(upstreamCode(error)),
      );
    },
    (error: unknown) => {
      settled();
      if (stream.destroyed) return;
      const code = refusal(upstreamCode(error), service.phase());
      options.log.debug({ service: service.name, code, err: error }, 'The notebook could not be reached');
      stream.fail(code);
    },
  );
}

const REFUSED: Readonly<Record<Phase, ErrorCode>> = {
  starting: 'upstream-not-ready',
  ready: 'upstream-refused',
  exited: 'upstream-exited',
  unwatched: 'service-silent',
};

function refusal(code: ErrorCode, phase: Phase): ErrorCode {
  return code === 'upstream-refused' ? REFUSED[phase] : code;
}

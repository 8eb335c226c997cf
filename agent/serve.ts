// Serves the streams that the bastion opens: each is joined to a new connection to the upstream of the service it names.

import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';

import { PosternError, type ErrorCode } from '../shared/errors.ts';
import type { Clock } from '../shared/mux/clock.ts';
import { cut } from '../shared/net/cut.ts';
import { splice } from '../shared/net/pipe.ts';
import type { Log } from '../shared/program/log.ts';
import { TokenBucket, type Rate } from '../shared/token-bucket.ts';
import { answerRefused } from './refused-visit.ts';
import type { Opened, Termination } from './terminate.ts';
import { upstreamCode } from './upstreams/connect.ts';
import type { Upstream } from './upstreams/upstream.ts';

/** What `NAME.domain` leads to. */
export const WEB = 'web';

/** starting: has not answered yet. ready: has answered once. exited: its program has ended. unwatched: nobody knows if it will ever answer. */
export type Phase = 'starting' | 'ready' | 'exited' | 'unwatched';

/** What a stream may ask for by name; the address stays with the agent. */
export interface Service {
  readonly name: string;
  readonly upstream: Upstream;
  /** It speaks TLS with visitors itself: nothing of what they send is read here. */
  readonly raw?: boolean;
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
  /** Visitors' TLS ends here, for hosts of these names. */
  readonly endToEnd?: { readonly termination: Termination; readonly names: readonly string[] };
  readonly clock: Clock;
  readonly log: Log;
}

/** Whoever is to be joined to an upstream. */
interface Caller {
  readonly duplex: Duplex;
  /** There is no upstream for it. */
  refuse(code: ErrorCode): void;
  /** The upstream broke off. */
  fail(code: ErrorCode): void;
}

/** The listener for a session's `onStream`. Never throws; every stream ends with END both ways or with RESET and a code. */
export function createServe(options: ServeOptions): (stream: IncomingStream) => void {
  const admit = createAdmit(options);
  const { termination, names } = options.endToEnd ?? { termination: undefined, names: [] };
  termination?.onOpened(openedBy(options, names));
  return (stream) => {
    // What goes wrong with a stream is seen by its close; without this listener it would end the process.
    stream.on('error', () => {});
    const refused = admit(stream);
    if (refused !== undefined) return stream.fail(refused);
    const service = options.services.get(stream.service);
    if (service === undefined) return stream.fail('service-unknown');
    if (termination !== undefined && service.raw !== true) return termination.take(stream);
    dialFor(plainCaller(stream), service, options);
  };
}

/** Which service is the visitor's own word: the name that it checks our certificate for, not what the bastion says. */
function openedBy({ services, clock, log, ...options }: ServeOptions, names: readonly string[]): Opened {
  return (visitor, serverName) => {
    const [label = ''] = serverName.split('.', 1);
    const [name = '', wanted = WEB] = label.split('--', 2);
    const service = names.includes(name) ? services.get(wanted) : undefined;
    if (service !== undefined && service.raw !== true)
      return dialFor(visitorCaller(visitor, clock), service, { services, clock, log, ...options });
    log.debug({ serverName }, 'A visitor asked for a host that is not ours');
    visitor.destroy();
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

/** A stream in the clear, which the bastion explains to the visitor when it fails. */
function plainCaller(stream: IncomingStream): Caller {
  return {
    duplex: stream,
    refuse: (code) => stream.fail(code),
    fail: (code) => stream.fail(code),
  };
}

/** A visitor whose TLS ends here. */
function visitorCaller(visitor: TLSSocket, clock: Clock): Caller {
  return {
    duplex: visitor,
    refuse: (code) => answerRefused(visitor, code, clock),
    // What the notebook said is delivered, and then cut: a closing alert would make an end of it.
    fail: () => void visitor.write('', () => visitor.destroy()),
  };
}

function dialFor(caller: Caller, service: Service, options: ServeOptions): void {
  const { clock, connectTimeoutMs } = options;
  const { duplex } = caller;
  if (service.phase() === 'exited') return caller.refuse('upstream-exited');
  const abort = new AbortController();
  const timer = clock.setTimeout(() => abort.abort(new PosternError('upstream-timeout')), connectTimeoutMs);
  const visitorLeft = (): void => abort.abort(new PosternError('stream-cancelled'));
  duplex.once('close', visitorLeft);
  const settled = (): void => {
    clock.clearTimeout(timer);
    duplex.off('close', visitorLeft);
  };
  service.upstream.dial(abort.signal).then(
    (socket) => {
      settled();
      void splice(duplex, socket, (failed, _other, error) =>
        // The notebook must not take the visitor's breaking off for an end.
        failed === duplex ? cut(socket) : caller.fail(upstreamCode(error)),
      );
    },
    (error: unknown) => {
      settled();
      if (duplex.destroyed) return;
      const code = refusal(upstreamCode(error), service.phase());
      options.log.debug({ service: service.name, code, err: error }, 'The notebook could not be reached');
      caller.refuse(code);
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

// TLS passthrough: which arriving connections are not ours to decrypt, and their ciphertext spliced to the agent and back.

import { asPosternError, PosternError, type ErrorCode } from '../../shared/errors.ts';
import { cut } from '../../shared/net/cut.ts';
import { splice } from '../../shared/net/pipe.ts';
import type { UpstreamStream } from '../forward/stream-pool.ts';
import { endWithAlert } from './alert.ts';
import type { Arrival } from './arrivals.ts';
import { readClientHello } from './client-hello.ts';
import type { ExchangeRecord } from './exchange-record.ts';
import { placeOf, type VisitedPlace } from './hostname.ts';
import type { VisitedTunnel } from './reception.ts';
import { newRequestId } from './request-id.ts';

export interface PassthroughOptions {
  /** Normalised. */
  readonly domain: string;
  readonly directory: {
    find(name: string): VisitedTunnel | undefined;
    /** Of a name without a tunnel. */
    lastWords(name: string): { readonly endToEnd: boolean } | undefined;
    expected(name: string): Promise<void> | undefined;
  };
  onRecord(record: ExchangeRecord): void;
  /** Everything that is not passed through: TLS ends here. */
  terminate(arrival: Arrival): void;
}

/** A reader of arrivals: learns the server name. What is no hello is left to the TLS server, which can say what is wrong with it. */
export function readServerName(arrival: Arrival, bytes: Buffer): 'more' | number {
  const hello = readClientHello(bytes);
  if (hello === 'more') return 'more';
  if (hello === 'too-large') throw new PosternError('hello-too-large');
  if (hello !== 'unreadable') arrival.serverName = hello.serverName;
  return 0;
}

export class Passthrough {
  readonly #options: PassthroughOptions;
  /** Each with the promise of its end. */
  readonly #connections = new Map<Arrival, Promise<void>>();

  constructor(options: PassthroughOptions) {
    this.#options = options;
  }

  /** Connections passed through now. */
  get size(): number {
    return this.#connections.size;
  }

  /** Resolves once those that run now have ended. */
  async ended(): Promise<void> {
    await Promise.all(this.#connections.values());
  }

  /** Cuts them, so that it is seen as a cut. */
  destroy(): void {
    for (const { socket } of this.#connections.keys()) cut(socket);
  }

  /** Takes over a paused connection whose hello has been read; never throws. */
  take(arrival: Arrival): void {
    const place = placeIn(arrival, this.#options.domain);
    if (place === undefined) return this.#options.terminate(arrival);
    // Whether it is ours to decrypt is known only when the agent is back.
    const expected = this.#options.directory.expected(place.name);
    if (expected === undefined) return this.#decide(arrival, place);
    void expected.then(() => {
      if (!arrival.socket.destroyed) this.#decide(arrival, place);
    });
  }

  /** Ends a connection with an alert, and records it. */
  refuse(arrival: Arrival, error: PosternError): void {
    endWithAlert(arrival.socket, error.code);
    this.#options.onRecord(recordOf(arrival, placeIn(arrival, this.#options.domain), { code: error.code }));
  }

  #decide(arrival: Arrival, place: VisitedPlace): void {
    const { directory, terminate } = this.#options;
    const tunnel = directory.find(place.name);
    if (tunnel?.passesThrough(place.service) === true) return this.#pass(arrival, place, tunnel);
    // Its cookies were meant for the notebook alone: rather no page than one that reads them.
    if (tunnel === undefined && directory.lastWords(place.name)?.endToEnd === true)
      return this.refuse(arrival, new PosternError('tunnel-absent'));
    terminate(arrival);
  }

  #pass(arrival: Arrival, place: VisitedPlace, tunnel: VisitedTunnel): void {
    let stream: UpstreamStream;
    try {
      if (!tunnel.hasService(place.service) && !tunnel.hasService(place.service, 'tcp'))
        throw new PosternError('service-unknown');
      stream = tunnel.open(place.service, arrival.address);
    } catch (error) {
      return this.refuse(arrival, asPosternError(error));
    }
    const ended = this.#splice(arrival, stream, { place, tunnel }).finally(() => this.#connections.delete(arrival));
    this.#connections.set(arrival, ended);
  }

  async #splice(arrival: Arrival, stream: UpstreamStream, to: Destination): Promise<void> {
    const { socket } = arrival;
    const { place, tunnel } = to;
    // What moves may be anything: whoever judges whether the notebook is in use has to take it for use.
    const left = tunnel.traffic.connected();
    const startedAt = performance.now();
    let [bytesIn, bytesOut] = [0, 0];
    let code: ErrorCode | undefined;
    socket.on('data', (chunk: Buffer) => {
      bytesIn += chunk.length;
      tunnel.traffic.moved();
    });
    stream.on('data', (chunk: Buffer) => (bytesOut += chunk.length));
    const spliced = splice(socket, stream, (failed, _other, error) => {
      code = failed === socket ? 'stream-cancelled' : asPosternError(error).code;
      if (failed === socket) stream.abort(code);
      // As long as the agent has said nothing, the visitor's TLS still understands us.
      else if (bytesOut === 0) endWithAlert(socket, code);
      else cut(socket);
    });
    // It was paused, which listeners alone don't end.
    socket.resume();
    await spliced;
    left();
    const durationMs = performance.now() - startedAt;
    this.#options.onRecord(recordOf(arrival, place, { bytesIn, bytesOut, durationMs, code }));
  }
}

function placeIn({ serverName }: Arrival, domain: string): VisitedPlace | undefined {
  // A server name has no port, which placeOf would forgive.
  if (serverName === undefined || serverName.includes(':')) return undefined;
  const place = placeOf(serverName, domain);
  return place.kind === 'name' ? place : undefined;
}

/** Where a connection leads. */
interface Destination {
  readonly place: VisitedPlace;
  readonly tunnel: VisitedTunnel;
}

interface Passage {
  readonly bytesIn?: number;
  readonly bytesOut?: number;
  readonly durationMs?: number;
  readonly code?: ErrorCode | undefined;
}

function recordOf({ address }: Arrival, place: VisitedPlace | undefined, passage: Passage): ExchangeRecord {
  const { bytesIn = 0, bytesOut = 0, durationMs = 0, code } = passage;
  return {
    requestId: newRequestId(),
    name: place?.name ?? '',
    service: place?.service ?? '',
    address,
    protocol: 'TLS',
    method: '',
    path: '',
    status: 0,
    bytesIn,
    bytesOut,
    durationMs,
    upgrade: false,
    ...(code === undefined ? undefined : { code }),
  };
}

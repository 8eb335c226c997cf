// A visitor's connection speaking HTTP/2: its streams side by side, what it may do how often, and its end.

import { constants, performServerHandshake, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import type { TLSSocket } from 'node:tls';

import { PosternError } from '../../shared/errors.ts';
import { TokenBucket } from '../../shared/token-bucket.ts';
import type { Log } from '../../shared/program/log.ts';
import { StreamPool, type Dialer } from '../forward/stream-pool.ts';
import type { ExchangeRecord } from './exchange-record.ts';
import type { Household, VisitorConnection } from './household.ts';
import { sessionOptions, type Http2Settings } from './http2-settings.ts';
import { Http2Visit, type Opening } from './http2-visit.ts';
import type { Acquaintance, Lead } from './reception.ts';
import type { FrontVisit, VisitHost } from './visit.ts';

const { NGHTTP2_ENHANCE_YOUR_CALM } = constants;
/** Streams towards the notebook, as for many tabs at once; browsers open six connections where there is no HTTP/2. */
const POOL = { idle: 6, busy: 32 };

/** What a visitor who was told to go, and has nothing under way, may take to hear of it. */
const PART_MS = 1000;

/** What an HTTP/2 connection is served with. */
export interface Http2Service {
  readonly household: Household;
  readonly settings: Http2Settings;
  readonly log: Log;
  /** The same certificate is good for both names: requests for one may come on a connection that was opened for the other. */
  sameCertificate(serverName: string | undefined, hostname: string): boolean;
}

/** Serves a connection whose TLS handshake agreed on HTTP/2. */
export function serveHttp2(socket: TLSSocket, service: Http2Service): void {
  if (socket.destroyed) return;
  const session = performServerHandshake(socket, sessionOptions(service.settings));
  session.setLocalWindowSize(service.settings.connectionWindow);
  // HTTP/2 has no half-closed connections, and our listener keeps those of HTTP/1.1.
  socket.once('end', () => session.destroy());
  const connection = new Http2Connection(session, socket, service);
  session.on('stream', (stream: ServerHttp2Stream, headers, _flags, rawHeaders: string[]) =>
    connection.take(stream, { headers, rawHeaders }),
  );
}

class Http2Connection implements VisitorConnection, VisitHost, Acquaintance {
  readonly address: string;
  readonly proxy: boolean;
  readonly streams = new StreamPool(POOL);
  readonly ended: Promise<void>;
  lead: Lead | undefined;
  readonly #session: ServerHttp2Session;
  readonly #service: Http2Service;
  readonly #serverName: string | undefined;
  readonly #visits = new Set<FrontVisit>();
  readonly #abandoned: TokenBucket;
  readonly #controls: TokenBucket;
  /** Streams that are not closed: the answer of a visit that is over may still be on its way. */
  #open = 0;
  #idleTimer: NodeJS.Timeout;

  constructor(session: ServerHttp2Session, socket: TLSSocket, service: Http2Service) {
    this.#session = session;
    this.#service = service;
    this.address = service.household.addresses.of(socket);
    this.proxy = service.household.behind.isProxy(this.address);
    this.#serverName = typeof socket.servername === 'string' ? socket.servername.toLowerCase() : undefined;
    const { resets, controls, idleMs, prefaceMs } = service.settings;
    const now = (): number => performance.now();
    this.#abandoned = new TokenBucket(resets, now);
    this.#controls = new TokenBucket(controls, now);
    service.household.connections.add(this);
    this.#idleTimer = setTimeout(() => this.#onIdle(), idleMs).unref();
    const preface = setTimeout(() => session.destroy(), prefaceMs).unref();
    session.on('ping', this.#onControl);
    session.on('remoteSettings', this.#onControl);
    session.once('remoteSettings', () => clearTimeout(preface));
    session.on('error', (error) =>
      service.log.debug({ err: error, address: this.address }, 'an HTTP/2 connection failed'),
    );
    this.ended = new Promise((resolve) =>
      session.once('close', () => {
        clearTimeout(preface);
        this.#gone();
        resolve();
      }),
    );
  }

  get busy(): boolean {
    return this.#open > 0;
  }

  get leaving(): boolean {
    return this.#service.household.draining;
  }

  get upgrades(): number {
    let count = 0;
    for (const visit of this.#visits) if (visit.switched) count += 1;
    return count;
  }

  covers(hostname: string): boolean {
    return hostname === this.#serverName || this.#service.sameCertificate(this.#serverName, hostname);
  }

  take(stream: ServerHttp2Stream, opening: Opening): void {
    const visit = new Http2Visit(this, stream, opening, this.#service.settings);
    this.#visits.add(visit);
    this.#open += 1;
    stream.once('close', this.#onStreamClosed);
    // Reset in the same packet that opened it.
    if (stream.destroyed || stream.closed) return visit.gone('stream-cancelled');
    this.#service.household.reception.receive(visit, this);
  }

  onRecord(record: ExchangeRecord): void {
    this.#service.household.onRecord(record);
    if (record.code === 'stream-cancelled' && !this.#abandoned.take()) this.#calm('too many streams were reset');
  }

  next(visit: FrontVisit): void {
    this.#visits.delete(visit);
  }

  giveUpWaiting(tunnels: ReadonlySet<Dialer>, waitedMs: number): void {
    for (const visit of this.#visits) if (visit.waitedMs >= waitedMs) visit.exchange?.giveUpWaiting(tunnels);
  }

  /** GOAWAY: streams that it names finish, and what the visitor asked for after them is safely asked elsewhere. */
  announceLeaving(): void {
    if (this.#session.closed || this.#session.destroyed) return;
    this.#session.close();
    this.#rest();
  }

  leave(): void {
    this.announceLeaving();
  }

  destroy(): void {
    this.#session.destroy();
  }

  /** Nothing runs: time to go after a while, or, for who was told so, at once: a head that never becomes whole must not hold it. */
  #rest(): void {
    if (this.#open > 0) return;
    clearTimeout(this.#idleTimer);
    const ms = this.#session.closed ? PART_MS : this.#service.settings.idleMs;
    this.#idleTimer = setTimeout(() => this.#onIdle(), ms).unref();
  }

  #onIdle(): void {
    if (this.#open > 0) return;
    if (this.#session.closed) this.#session.destroy();
    else this.announceLeaving();
  }

  readonly #onStreamClosed = (): void => {
    this.#open -= 1;
    if (this.#open > 0) return;
    if (this.#session.closed) this.#rest();
    else this.#idleTimer.refresh();
  };

  readonly #onControl = (): void => {
    if (!this.#controls.take()) this.#calm('too many PING or SETTINGS frames');
  };

  #calm(why: string): void {
    if (this.#session.destroyed) return;
    this.#service.log.warn({ address: this.address }, `an HTTP/2 connection was ended: ${why}`);
    for (const visit of this.#visits) visit.gone('flood');
    this.#session.destroy(new PosternError('flood', why), NGHTTP2_ENHANCE_YOUR_CALM);
  }

  #gone(): void {
    this.#service.household.connections.delete(this);
    clearTimeout(this.#idleTimer);
    for (const visit of this.#visits) visit.gone('stream-cancelled');
    this.streams.close();
  }
}

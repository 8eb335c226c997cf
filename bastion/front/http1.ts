// A visitor's connection speaking HTTP/1.1: its requests one after the other, its streams, and its end.

import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

import { PosternError, type ErrorCode } from '../../shared/errors.ts';
import { StreamPool, type Dialer } from '../forward/stream-pool.ts';
import type { ExchangeRecord } from './exchange-record.ts';
import type { Household, VisitorConnection } from './household.ts';
import { Http1Visit } from './http1-visit.ts';
import type { Acquaintance, Lead } from './reception.ts';
import { rawAnswer, refusal } from './refusal.ts';
import { newRequestId } from './request-id.ts';
import type { FrontVisit, VisitHost } from './visit.ts';

/** Requests that may wait behind the one being answered. */
const MAX_WAITING = 16;
/** HTTP/1.1 has one exchange at a time, so one idle stream is all that a connection can use. */
const POOL = { idle: 1, busy: Infinity };

export class Http1Connection implements VisitorConnection, VisitHost, Acquaintance {
  readonly socket: Socket;
  readonly address: string;
  readonly proxy: boolean;
  readonly streams = new StreamPool(POOL);
  lead: Lead | undefined;
  readonly #household: Household;
  readonly #waiting: Http1Visit[] = [];
  #current: Http1Visit | undefined;
  #refused = false;
  #upgraded = false;
  readonly #onClose = (): void => this.#gone();

  constructor(socket: Socket, household: Household) {
    this.socket = socket;
    this.#household = household;
    this.address = household.addresses.of(socket);
    this.proxy = household.behind.isProxy(this.address);
    household.connections.add(this);
    socket.once('close', this.#onClose);
  }

  get busy(): boolean {
    return this.#current !== undefined || this.#upgraded;
  }

  get leaving(): boolean {
    return this.#household.draining;
  }

  get upgrades(): number {
    return this.#upgraded ? 1 : 0;
  }

  /** Whoever asks by HTTP/1.1 has chosen the connection for the host. */
  covers(): boolean {
    return true;
  }

  giveUpWaiting(tunnels: ReadonlySet<Dialer>, waitedMs: number): void {
    const visit = this.#current;
    if (visit !== undefined && visit.waitedMs >= waitedMs) visit.exchange?.giveUpWaiting(tunnels);
  }

  /** Takes a request as Node's parser hands it out; pipelined ones wait. */
  take(visit: Http1Visit): void {
    if (this.#refused) return;
    if (this.#current === undefined) return this.#begin(visit);
    if (this.#waiting.length < MAX_WAITING) return void this.#waiting.push(visit);
    // Node sends this answer behind those of the requests before it, and reads no further.
    this.#refused = true;
    visit.refuse(new PosternError('pipeline-limit'));
  }

  onRecord(record: ExchangeRecord): void {
    this.#household.onRecord(record);
  }

  next(visit: FrontVisit): void {
    if (visit !== this.#current) return;
    this.#current = undefined;
    // Nobody would hear the answers to what waits behind a cut one.
    if (this.socket.destroyed || this.socket.writableEnded) this.#waiting.length = 0;
    const waiting = this.#waiting.shift();
    if (waiting !== undefined) this.#begin(waiting);
    // The head may have gone out with a promise to stay, before the front began to close.
    else if (this.leaving && !visit.upgrade) this.socket.destroySoon();
  }

  /** It speaks another protocol from now on, perhaps for days: what is known of the request is not kept for so long. */
  upgraded(visit: FrontVisit): void {
    if (visit !== this.#current) return;
    this.#current = undefined;
    this.#upgraded = true;
    this.lead = undefined;
  }

  /** What came on the connection is not HTTP: answers with the code if that is still possible, and ends it. */
  broken(code: ErrorCode, rawPacket: Buffer | undefined): void {
    const visit = this.#current;
    const clean = visit === undefined || (visit.exchange === undefined ? !visit.over : !visit.response.headersSent);
    this.#waiting.length = 0;
    this.#refused = true;
    visit?.gone(code);
    answerRaw(this.socket, code, clean ? rawPacket : null);
  }

  /** HTTP/1.1 has no word for it but `Connection: close` in an answer. */
  announceLeaving(): void {}

  leave(): void {
    if (!this.busy) this.socket.destroySoon();
  }

  destroy(): void {
    this.socket.destroy();
  }

  get ended(): Promise<void> {
    return new Promise((resolve) => {
      if (this.socket.closed) resolve();
      else this.socket.once('close', () => resolve());
    });
  }

  /** The socket belongs to somebody else from now on. */
  forget(): void {
    this.#household.connections.delete(this);
    this.socket.off('close', this.#onClose);
    known.delete(this.socket);
  }

  #begin(visit: Http1Visit): void {
    this.#current = visit;
    this.#household.reception.receive(visit, this);
  }

  #gone(): void {
    this.#household.connections.delete(this);
    this.#waiting.length = 0;
    this.#refused = true;
    this.#current?.gone('stream-cancelled');
    this.streams.close();
  }
}

/** Lets an HTTP server's requests go to the connections they came on. */
export function serveHttp1(server: Server, household: Household): void {
  const take = (request: IncomingMessage, response: ServerResponse): void => {
    const connection = connectionOf(request.socket, household);
    connection.take(new Http1Visit(connection, request, response));
  };
  server.on('request', take);
  // With these two, Expect is the notebook's to answer.
  server.on('checkContinue', take);
  server.on('checkExpectation', take);
  server.on('connect', (_request: IncomingMessage, socket: Socket) => {
    socket.on('error', () => {});
    answerRaw(socket, 'method-refused', undefined);
  });
  server.on('clientError', (error: NodeJS.ErrnoException & { rawPacket?: Buffer }, socket: Socket) => {
    const code = codeOf(error);
    // What follows is no more readable, and is thrown away while the answer is on its way.
    if (code !== undefined && answered.has(socket)) return;
    if (code === undefined || !socket.writable) return void socket.destroy();
    connectionOf(socket, household).broken(code, error.rawPacket);
  });
}

/** Sockets that were told what is wrong with what they sent. */
const answered = new WeakSet<Socket>();
/** How long they are read from, so that the answer is not lost in a reset; milliseconds. */
const RAW_LINGER_MS = 2000;

const known = new WeakMap<Socket, Http1Connection>();

/** The connection that a socket is. */
export function connectionOf(socket: Socket, household: Household): Http1Connection {
  let connection = known.get(socket);
  if (connection === undefined) {
    connection = new Http1Connection(socket, household);
    known.set(socket, connection);
  }
  return connection;
}

/** undefined: the connection itself failed, and there is nobody to answer. */
function codeOf(error: NodeJS.ErrnoException): ErrorCode | undefined {
  if (error.code === 'HPE_HEADER_OVERFLOW') return 'header-too-large';
  if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') return 'request-timeout';
  return error.code?.startsWith('HPE_') === true ? 'request-ambiguous' : undefined;
}

/** `rawPacket` is what could not be read, if it is known; null: part of another answer was sent, so that nothing can be said. */
function answerRaw(socket: Socket, code: ErrorCode, rawPacket: Buffer | undefined | null): void {
  if (rawPacket === null || !socket.writable) return void socket.destroy();
  const accept = /\r\naccept:([^\r\n]*)/i.exec(rawPacket?.toString('latin1') ?? '')?.[1];
  const answer = refusal(new PosternError(code), { method: 'GET', accept, requestId: newRequestId() });
  answered.add(socket);
  const timer = setTimeout(() => socket.destroy(), RAW_LINGER_MS).unref();
  socket.once('close', () => clearTimeout(timer));
  socket.once('end', () => socket.destroySoon());
  socket.end(rawAnswer(answer));
  socket.resume();
}

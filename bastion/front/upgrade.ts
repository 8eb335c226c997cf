// Upgrades of a visitor's connection: WebSockets and any other protocol, spliced to the notebook after its 101.

import { ServerResponse, type IncomingMessage, type Server } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Socket } from 'node:net';

import { TUNNEL_PATH } from '../../shared/wire/handshake.ts';
import { responseHeaders } from '../forward/headers.ts';
import type { ResponseHead } from '../forward/response-head.ts';
import type { UpstreamStream } from '../forward/stream-pool.ts';
import type { ExchangeRecord } from './exchange-record.ts';
import type { Household } from './household.ts';
import { connectionOf, type Http1Connection } from './http1.ts';
import { Http1Visit } from './http1-visit.ts';
import { join, type Carried } from './joined.ts';
import type { Presence } from './presence.ts';
import type { VisitHost } from './visit.ts';

/** Bytes that a visitor may send ahead of the 101; nothing more is read until it comes. */
const MAX_EARLY = 64 * 1024;

/** `address`: the agent's. */
export type TunnelUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer, address: string) => void;

/** HTTP/2 and TLS by upgrade are offers to us, not to the notebook, and HTTP/1.0 has none: such a request is answered like any other. */
export function isUpgrade(request: IncomingMessage): boolean {
  if (request.httpVersionMinor === 0) return false;
  const wanted = request.headers.upgrade?.toLowerCase() ?? '';
  return !/(?:^|[\s,])(?:h2c|http\/|tls\/)/.test(wanted);
}

export function serveUpgrades(server: Server, household: Household, tunnelUpgrade: TunnelUpgrade): void {
  server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
    const connection = connectionOf(socket, household);
    // Behind a pipelined request there is no answer in sight to put this one after.
    if (connection.busy) return void socket.destroy();
    socket.setTimeout(0);
    if (isRegistration(request, connection, household)) {
      connection.forget();
      tunnelUpgrade(request, socket, head, agentAddress(request, connection, household));
      return;
    }
    connection.take(new UpgradeVisit(connection, request, { socket, head }));
  });
}

function isRegistration(request: IncomingMessage, connection: Http1Connection, household: Household): boolean {
  if (request.method !== 'GET' || request.url !== TUNNEL_PATH || request.headers.host === undefined) return false;
  return household.reception.acquaint(request.headers.host, connection).place.kind === 'apex';
}

/** Agents, too, may come through a proxy of ours. */
function agentAddress(
  { headers }: IncomingMessage,
  { address, proxy }: Http1Connection,
  { behind }: Household,
): string {
  return proxy ? behind.visitorOf(headers, address) : address;
}

class UpgradeVisit extends Http1Visit {
  readonly #connection: Http1Connection;
  readonly #socket: Socket;
  readonly #early: Buffer[] = [];
  #earlyBytes = 0;

  constructor(
    connection: Http1Connection,
    request: IncomingMessage,
    { socket, head }: { socket: Socket; head: Buffer },
  ) {
    const response = new ServerResponse(request);
    response.shouldKeepAlive = false;
    response.assignSocket(socket);
    super(connection, request, response, true);
    this.#connection = connection;
    this.#socket = socket;
    // The server has let go of the socket: what it did for its response is done here.
    socket.on('drain', this.#onDrain);
    socket.on('error', this.#onError);
    response.on('finish', () => socket.destroySoon());
    if (head.length > 0) this.#onEarly(head);
    socket.on('data', this.#onEarly);
    socket.on('end', this.#onEnd);
  }

  override switchProtocols(head: ResponseHead, rest: Buffer, stream: UpstreamStream): void {
    const socket = this.#socket;
    this.response.detachSocket(socket);
    socket.off('drain', this.#onDrain);
    socket.off('data', this.#onEarly);
    socket.off('end', this.#onEnd);
    socket.pause();
    socket.write(this.#switchHead(head), 'latin1');
    this.over = true;
    this.status = 101;
    const watch = this.watch(/^websocket$/i.test(this.request.headers.upgrade ?? ''));
    const ahead = { early: this.#early, rest, watch };
    const carried = join(socket, stream, ahead, () => socket.destroy());
    const { presence } = this;
    presence?.switched(() => stream.abort('stream-cancelled'));
    recordAtItsEnd(carried, this.record(undefined), this.host, presence);
    socket.off('error', this.#onError);
    this.#connection.upgraded(this);
  }

  #switchHead(head: ResponseHead): string {
    const { rawHeaders } = head;
    const position = rawHeaders.findIndex((name, index) => index % 2 === 0 && name.toLowerCase() === 'upgrade');
    const protocol = position < 0 ? this.request.headers.upgrade : rawHeaders[position + 1];
    const kept = responseHeaders(head, '', false);
    let text = `HTTP/1.1 101 ${head.message}\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n`;
    for (let index = 0; index < kept.length; index += 2) text += `${kept[index]}: ${kept[index + 1]}\r\n`;
    return `${text}\r\n`;
  }

  readonly #onDrain = (): void => void this.response.emit('drain');
  /** The connection's 'close' follows, and says all that matters. */
  readonly #onError = (): void => {};
  readonly #onEnd = (): void => void this.#socket.destroy();
  /** What is sent ahead of the 101 waits here: before it, these bytes could be anything. */
  readonly #onEarly = (chunk: Buffer): void => {
    this.#early.push(chunk);
    this.#earlyBytes += chunk.length;
    if (this.#earlyBytes > MAX_EARLY) this.#socket.pause();
  };
}

/** A function of its own, because a WebSocket lives for days: what waits for its end keeps the record, and not the request. */
function recordAtItsEnd(
  carried: Promise<Carried>,
  record: ExchangeRecord,
  host: VisitHost,
  presence: Presence | undefined,
): void {
  const startedAt = performance.now() - record.durationMs;
  void carried.then((bytes) => {
    presence?.over();
    host.onRecord({ ...record, ...bytes, durationMs: performance.now() - startedAt });
  });
}

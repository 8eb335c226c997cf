// How a load reaches the far end: through a peer that speaks HTTPS, or by plain TCP connections that the far end dials.

import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { tell } from './control.ts';
import type { FarOrder, Role } from './far.ts';

export interface HttpsApproach {
  readonly kind: 'https';
  readonly port: number;
  readonly host: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly caFile: string;
}

export interface TcpApproach {
  readonly kind: 'tcp';
  /** Where this end listens, and what the far end dials to get there. */
  readonly port: number;
  readonly listenHost: string;
  readonly dialHost: string;
}

export type Approach = HttpsApproach | TcpApproach;

/** The part of an approach that every connection of one process shares. */
export class Dialer {
  readonly #approach: Approach;
  readonly #farControl: string;
  #ca: string | undefined;
  #server: Server | undefined;

  constructor(approach: Approach, farControl: string) {
    this.#approach = approach;
    this.#farControl = farControl;
  }

  /** Connections that are ready for use; over HTTPS `role` is for the caller's request to say. */
  async dial(streams: number, role: Role): Promise<Socket[]> {
    const approach = this.#approach;
    if (approach.kind === 'tcp') return this.#awaitDialled(approach, streams, role);
    return Promise.all(Array.from({ length: streams }, () => this.#connect(approach)));
  }

  close(): void {
    this.#server?.close();
  }

  async #connect({ port, host, caFile }: HttpsApproach): Promise<Socket> {
    this.#ca ??= readFileSync(caFile, 'utf8');
    const socket = connectTls({ host: '127.0.0.1', port, servername: host, ca: this.#ca });
    socket.setNoDelay(true);
    await once(socket, 'secureConnect');
    return socket;
  }

  async #awaitDialled({ port, listenHost, dialHost }: TcpApproach, streams: number, role: Role): Promise<Socket[]> {
    const sockets: Socket[] = [];
    const server = (this.#server = createServer({ noDelay: true, pauseOnConnect: true }));
    const all = new Promise<void>((resolve) => {
      server.on('connection', (socket) => {
        if (sockets.push(socket) === streams) resolve();
      });
    });
    server.listen(port, listenHost);
    await once(server, 'listening');
    const order: FarOrder = { op: 'dial', host: dialHost, port, streams, role };
    await tell(this.#farControl, order);
    await all;
    return sockets;
  }
}

/** A request's head for HTTPS; nothing for TCP, where the far end knows what to do. */
export function requestHead(approach: Approach, method: string, path: string, more: readonly string[] = []): string {
  if (approach.kind === 'tcp') return '';
  const headers = Object.entries(approach.headers).map(([name, value]) => `${name}: ${value}`);
  const host = `Host: ${approach.host}:${approach.port}`;
  return [`${method} ${path} HTTP/1.1`, host, ...headers, ...more, '', ''].join('\r\n');
}

/** What a browser adds to requests that change something; without it they are refused. */
export function originOf(approach: Approach): string[] {
  return approach.kind === 'tcp' ? [] : [`Origin: https://${approach.host}:${approach.port}`];
}

const HEAD_END = Buffer.from('\r\n\r\n');

export interface Response {
  /** Status line and headers. */
  readonly head: string;
  /** What came behind them. */
  readonly rest: Buffer;
}

/** Takes a response's head off a connection, which is left paused; rejects unless the status is `status`. */
export async function responseHead(socket: Socket, status: number): Promise<Response> {
  let got = Buffer.alloc(0);
  for (;;) {
    const [chunk] = (await once(socket, 'data')) as [Buffer];
    got = Buffer.concat([got, chunk]);
    const end = got.indexOf(HEAD_END);
    if (end < 0) continue;
    socket.pause();
    const head = got.toString('latin1', 0, end);
    if (!head.slice(0, 12).endsWith(` ${status}`)) throw new Error(`answered: ${head}`);
    return { head, rest: got.subarray(end + HEAD_END.length) };
  }
}

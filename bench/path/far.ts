// The far end as a process: a notebook on a unix socket that sends, takes and answers, and plain TCP connections for comparison.

import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { control } from './control.ts';

export interface FarPlan {
  readonly notebookSocket: string;
  readonly controlSocket: string;
}

export type FarOrder =
  | { readonly op: 'count' }
  | { readonly op: 'dial'; readonly host: string; readonly port: number; readonly streams: number; readonly role: Role }
  | { readonly op: 'hang-up' };
export type Role = 'send' | 'take' | 'echo';

/** What the far end has taken so far, bytes, and when that was, in milliseconds. */
export interface Count {
  readonly taken: number;
  /** Bytes given out for those who read nothing. */
  readonly unread: number;
  readonly at: number;
}

export const FAR_READY = 'far end ready';
export const PATHS = {
  bulk: '/bulk',
  unread: '/unread',
  sink: '/sink',
  small: '/small',
  deaf: '/deaf',
  echo: '/echo',
} as const;
/** Longer than anything that is measured takes. */
const ENDLESS = 1e14;
const PIECE = Buffer.alloc(64 * 1024, 'postern ');
const SMALL = Buffer.from('{"last_activity":"2026-01-01T00:00:00Z","connections":1}');
const WEBSOCKET_GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

let taken = 0;
let unread = 0;
const dialled = new Set<Socket>();

/** Writes as long as the other end takes it. */
function pump(into: Duplex | ServerResponse, written?: (bytes: number) => void): void {
  const write = (): void => {
    do written?.(PIECE.length);
    while (!into.destroyed && into.write(PIECE));
  };
  into.on('drain', write);
  write();
}

function take(from: Duplex | IncomingMessage): void {
  from.on('data', (chunk: Buffer) => {
    taken += chunk.length;
  });
}

function serve(request: IncomingMessage, response: ServerResponse): void {
  response.on('error', () => undefined);
  if (request.url === PATHS.bulk || request.url === PATHS.unread) {
    response.writeHead(200, { 'content-length': ENDLESS });
    return request.url === PATHS.bulk ? pump(response) : pump(response, (bytes) => (unread += bytes));
  }
  if (request.url === PATHS.sink) return take(request);
  // A notebook that reads nothing and says nothing.
  if (request.url === PATHS.deaf) return void request.pause();
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': SMALL.length });
  response.end(SMALL);
}

/** Sends every byte back: the frames' own form is nothing that anybody on the way looks at. */
function upgrade(request: IncomingMessage, socket: Duplex): void {
  const key = `${request.headers['sec-websocket-key'] ?? ''}${WEBSOCKET_GUID}`;
  const accept = createHash('sha1').update(key).digest('base64');
  const head = ['HTTP/1.1 101 Switching Protocols', 'Upgrade: websocket', 'Connection: Upgrade'];
  socket.write(`${head.join('\r\n')}\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`);
  socket.on('error', () => undefined);
  socket.pipe(socket);
}

function obey(order: FarOrder): unknown {
  if (order.op === 'count') return { taken, unread, at: performance.now() };
  if (order.op === 'hang-up') {
    for (const socket of dialled) socket.destroy();
    return {};
  }
  for (let index = 0; index < order.streams; index += 1) dial(order.host, order.port, order.role);
  return {};
}

function dial(host: string, port: number, role: Role): void {
  const socket = connect({ host, port, noDelay: true });
  dialled.add(socket);
  socket.on('error', () => undefined);
  socket.once('close', () => dialled.delete(socket));
  if (role === 'take') take(socket);
  else if (role === 'echo') socket.pipe(socket);
  else pump(socket);
}

if (import.meta.main) {
  const plan = JSON.parse(process.argv[2] as string) as FarPlan;
  const notebook = createServer({ requestTimeout: 0, keepAliveTimeout: 600_000 }, serve);
  notebook.on('upgrade', upgrade);
  notebook.listen(plan.notebookSocket, 1024);
  await control(plan.controlSocket, obey);
  process.stdout.write(`${FAR_READY}\n`);
}

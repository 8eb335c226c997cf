// A front over real TLS, sessions over a link in memory, and the agent's way to serve: a visit without registration and WebSocket.

import { PosternError } from '../../shared/errors.ts';
import { accessBook } from './access-book.ts';
import { createServer, type RequestListener } from 'node:http';
import { request as httpsRequest, type RequestOptions } from 'node:https';
import type { IncomingMessage } from 'node:http';
import { after } from 'node:test';
import { connect, createServer as createNetServer, type Server, type Socket } from 'node:net';
import { connect as tlsConnect, createSecureContext, type TLSSocket, type SecureContext } from 'node:tls';

import { createServe } from '../../agent/serve.ts';
import type { Admission } from '../../bastion/auth/gate.ts';
import type { PassDesk } from '../../bastion/front/pass.ts';
import { startFront, type ExchangeRecord, type Front, type FrontOptions } from '../../bastion/front/front.ts';
import type { VisitedTunnel } from '../../bastion/front/reception.ts';
import { Traffic } from '../../bastion/tunnels/traffic.ts';
import { createAuthority } from '../../certs/authority.ts';
import { issueLeaf } from '../../certs/leaf.ts';
import { NO_LOG } from '../../shared/program/log.ts';
import { systemClock } from '../../shared/mux/clock.ts';
import { Session } from '../../shared/mux/session.ts';
import { listenOn } from '../../shared/net/listen.ts';
import { linkPair } from './link-pair.ts';

export const DOMAIN = 'notebooks.example.org';
export const HOST = `alice.${DOMAIN}`;

const AUTHORITY = createAuthority({ domain: DOMAIN, now: Date.now() });
const LEAF = issueLeaf(AUTHORITY, { now: Date.now() });
const MATERIAL = { cert: LEAF.certificate, key: LEAF.key };
const CONTEXT = createSecureContext(MATERIAL);

/** What answers at the other end: a request listener, or a listener for raw sockets. */
export type Upstream = { http: RequestListener } | { raw: (socket: Socket) => void } | { server: Server };

export interface Received {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly rawHeaders: string[];
  readonly trailers: IncomingMessage['trailers'];
  readonly body: string;
}

export interface World {
  readonly front: Front;
  readonly port: number;
  /** Sockets that the agent's side opened to the upstream, in order. */
  readonly opened: Socket[];
  readonly records: ExchangeRecord[];
  /** Alice's. */
  readonly tunnel: VisitedTunnel;
  /** Raw connection of a visitor, TLS verified; `alpn`: the protocols offered, none without it. */
  socket(serverName?: string, alpn?: readonly string[]): Promise<TLSSocket>;
  options(path: string, more?: RequestOptions): RequestOptions;
  /** A whole request and its whole answer; rejects when the answer is cut. */
  fetch(path: string, more?: RequestOptions & { body?: string | Buffer }): Promise<Received>;
  close(): Promise<void>;
}

export const PUBLIC: Admission = {
  visitor: 'public',
  role: 'public',
  groups: [],
  inject: false,
  dropAuthorization: false,
};

const NO_PASSES: PassDesk = {
  passes: {
    begin: () => ({ challenge: '', setCookie: '' }),
    grant: () => '',
    exchange: () => ({ returnTo: '/', cookies: [] }),
  },
  sessions: { verify: () => undefined },
};

export interface WorldOptions extends Partial<
  Pick<FrontOptions, 'directory' | 'passes' | 'tunnelUpgrade' | 'limits' | 'behind'>
> {
  readonly tunnel?: Partial<VisitedTunnel>;
  /** Served for `other.DOMAIN` alone. */
  readonly otherContext?: SecureContext;
  readonly gate?: Partial<FrontOptions['gate']>;
}

export async function frontWorld(upstream: Upstream, options: WorldOptions = {}): Promise<World> {
  const server = serverOf(upstream);
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  const upstreamPort = await listenOn(server, { host: '127.0.0.1', port: 0 });
  const opened: Socket[] = [];
  const records: ExchangeRecord[] = [];
  const open = sessionOpener(upstreamPort, opened);
  const tunnel = { ...fakeTunnel(open), ...options.tunnel };
  const front = await startFront(
    { host: '127.0.0.1', port: 0 },
    {
      domain: DOMAIN,
      tls: {
        context: (name) => (name === `other.${DOMAIN}` ? (options.otherContext ?? CONTEXT) : CONTEXT),
        material: () => MATERIAL,
        authority: AUTHORITY.certificate,
        certify: undefined,
        onChanged: () => {},
        close: () => {},
      },
      directory: options.directory ?? {
        find: (name) => (name === 'alice' ? tunnel : undefined),
        isKnown: (name) => name === 'gone',
        lastWords: () => undefined,
        expected: () => undefined,
      },
      gate: {
        admit: () => PUBLIC,
        admitOwner: () => Promise.reject(new PosternError('owner-only')),
        enter: () => '',
        ...options.gate,
      },
      access: accessBook(),
      passes: options.passes ?? NO_PASSES,
      log: NO_LOG,
      onExchange: (record) => records.push(record),
      tunnelUpgrade: options.tunnelUpgrade ?? ((_request, socket) => socket.destroy()),
      ...(options.limits === undefined ? {} : { limits: options.limits }),
      behind: options.behind,
    },
  );
  const requestOptions = (path: string, more: RequestOptions = {}): RequestOptions => ({
    host: '127.0.0.1',
    port: front.port,
    servername: HOST,
    ca: AUTHORITY.certificate,
    path,
    agent: false,
    ...more,
    headers: { host: HOST, ...(more.headers as Record<string, string> | undefined) },
  });
  const close = async (): Promise<void> => {
    front.destroy();
    for (const socket of sockets) socket.destroy();
    for (const socket of opened) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  };
  // A test that fails leaves nothing behind that would keep its process alive.
  after(close);
  return {
    front,
    port: front.port,
    opened,
    records,
    tunnel,
    options: requestOptions,
    socket: (serverName = HOST, alpn = []) => openSocket(front.port, serverName, alpn),
    fetch: (path, { body, ...more } = {}) => fetchWhole(requestOptions(path, more), body),
    close,
  };
}

function serverOf(upstream: Upstream): Server {
  if ('http' in upstream) return createServer({ requireHostHeader: false }, upstream.http);
  if ('server' in upstream) return upstream.server;
  return createNetServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {});
    upstream.raw(socket);
  });
}

function fakeTunnel(open: VisitedTunnel['open']): VisitedTunnel {
  return {
    identity: { owner: 'alice' },
    policy: { kind: 'public', people: [], groups: [] },
    hasService: (service) => service === 'web',
    authorization: () => 'token of-the-notebook',
    readiness: () => undefined,
    instance: 'a'.repeat(32),
    job: undefined,
    traffic: new Traffic({ clock: systemClock, tell: () => {} }),
    isQuiet: () => false,
    keep: () => false,
    spendLink: () => false,
    passesThrough: () => false,
    open,
  };
}

function dial(port: number, opened: Socket[]): Socket {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
  opened.push(socket);
  return socket;
}

/** Two sessions over a link in memory, and an agent's way to serve streams at the other end. */
function sessionOpener(port: number, opened: Socket[]): VisitedTunnel['open'] {
  const limits = { credit: 262_144, streams: 1000, message: 65_536 };
  const { bastion: near, agent: far } = linkPair();
  const upstream = {
    label: 'test',
    dial: () => {
      const socket = dial(port, opened);
      socket.on('error', () => {});
      return Promise.resolve(socket);
    },
  };
  const services = new Map([['web', { name: 'web', upstream, phase: () => 'ready' as const }]]);
  const serve = createServe({ services, connectTimeoutMs: 5000, clock: systemClock, log: NO_LOG });
  new Session(far, { role: 'agent', own: limits, peer: limits, onStream: serve });
  const session = new Session(near, { role: 'bastion', own: limits, peer: limits });
  return (service, visitor) => session.open({ service, visitor });
}

function openSocket(port: number, servername: string, alpn: readonly string[]): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const ALPNProtocols = [...alpn];
    const socket = tlsConnect({ port, host: '127.0.0.1', servername, ca: AUTHORITY.certificate, ALPNProtocols }, () =>
      resolve(socket),
    );
    socket.on('error', reject);
  });
}

function fetchWhole(options: RequestOptions, body: string | Buffer | undefined): Promise<Received> {
  return new Promise((resolve, reject) => {
    const request = httpsRequest(options, (response) => void whole(response).then(resolve, reject));
    request.on('error', reject);
    request.end(body);
  });
}

/** The whole of a response; rejects when it is cut. */
export async function whole(response: IncomingMessage): Promise<Received> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  const { statusCode: status = 0, headers, rawHeaders, trailers } = response;
  return { status, headers, rawHeaders, trailers, body: Buffer.concat(chunks).toString('latin1') };
}

/** Everything a socket delivers until it ends or is destroyed, latin1. */
export function everything(socket: Socket | TLSSocket): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
    socket.on('error', () => {});
    socket.on('close', () => resolve(text));
  });
}

/** Everything up to the text awaited, or all there is when the socket closes before. */
export function until(socket: Socket | TLSSocket, awaited: string): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    const onData = (chunk: Buffer): void => {
      text += chunk.toString('latin1');
      if (text.includes(awaited)) done();
    };
    const done = (): void => {
      socket.off('data', onData);
      socket.off('close', done);
      resolve(text);
    };
    socket.on('data', onData);
    socket.on('error', () => {});
    socket.on('close', done);
  });
}

/** Once the socket has closed, whoever closed it. */
export async function closed(socket: Socket | undefined): Promise<void> {
  while (socket?.closed === false) await new Promise((resolve) => setImmediate(resolve));
}

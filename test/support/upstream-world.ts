// Servers for an agent's upstreams to dial: over TCP, a unix socket, and TLS with a throw-away CA.

import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer as createTlsServer } from 'node:tls';

import { createAuthority } from '../../certs/authority.ts';
import { issueLeaf } from '../../certs/leaf.ts';
import type { Upstream } from '../../agent/upstreams/upstream.ts';
import type { UpstreamWorld } from '../contract/upstream.ts';

/** A server on a free port of 127.0.0.1, and the upstream that `make` builds for it. */
export async function tcpWorld(make: (port: number) => Upstream): Promise<UpstreamWorld> {
  const server = createServer({ allowHalfOpen: true });
  const connections = watch(server, 'connection');
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return world(server, make((server.address() as AddressInfo).port), connections);
}

/** The same on a unix socket. */
export async function unixWorld(make: (path: string) => Upstream): Promise<UpstreamWorld> {
  const directory = mkdtempSync(join(tmpdir(), 'postern-test-'));
  const path = join(directory, 'socket');
  const server = createServer({ allowHalfOpen: true });
  const connections = watch(server, 'connection');
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return world(server, make(path), connections, () => rmSync(directory, { recursive: true, force: true }));
}

/** The same over TLS, for the name `lab.localhost`. */
export async function tlsWorld(make: (port: number, ca: string) => Upstream): Promise<UpstreamWorld> {
  const authority = createAuthority({ domain: 'lab.localhost', now: Date.now() });
  const leaf = issueLeaf(authority, { now: Date.now() });
  const server = createTlsServer({ cert: leaf.certificate, key: leaf.key, allowHalfOpen: true });
  const connections = watch(server, 'secureConnection');
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return world(server, make((server.address() as AddressInfo).port, authority.certificate), connections);
}

interface Connections {
  readonly sockets: Set<Socket>;
  next(): Promise<Socket>;
}

function watch(server: Server, event: 'connection' | 'secureConnection'): Connections {
  const sockets = new Set<Socket>();
  const unclaimed: Socket[] = [];
  const waiting: ((socket: Socket) => void)[] = [];
  // Also those whose TLS handshake is never finished.
  server.on('connection', (socket: Socket) => {
    socket.on('error', () => {});
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.on(event, (socket: Socket) => {
    socket.on('error', () => {});
    const claim = waiting.shift();
    if (claim === undefined) unclaimed.push(socket);
    else claim(socket);
  });
  // A TLS server reports handshakes that were given up; that is no affair of the tests.
  server.on('tlsClientError', () => {});
  return {
    sockets,
    next: () => {
      const there = unclaimed.shift();
      return there === undefined ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(there);
    },
  };
}

function world(
  server: Server,
  upstream: Upstream,
  { sockets, next }: Connections,
  cleanUp?: () => void,
): UpstreamWorld {
  let stopped: Promise<void> | undefined;
  const stopListening = (): Promise<void> => {
    const closed = (stopped ??= new Promise((resolve) => server.close(() => resolve())));
    // With connections left, `close` calls back only after the last of them; the port is free at once.
    return sockets.size === 0 ? closed : Promise.resolve();
  };
  return {
    upstream,
    accepted: next,
    connections: () =>
      new Promise((resolve, reject) =>
        server.getConnections((error, count) => (error === null ? resolve(count) : reject(error))),
      ),
    stopListening,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await stopListening();
      cleanUp?.();
    },
  };
}

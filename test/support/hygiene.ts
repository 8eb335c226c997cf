// One request as raw bytes through a front, and what came of it: the visitor's answer, and the exact bytes at the upstream.

import { createServer } from 'node:http';
import type { Socket } from 'node:net';

import { everything, frontWorld, type World } from './front-world.ts';

export interface Outcome {
  /** Everything that the visitor was sent. */
  readonly answer: string;
  /** Everything that arrived at the upstream, latin1. */
  readonly forwarded: string;
  /** Requests that an HTTP parser of its own found in it. */
  readonly requests: readonly string[];
}

export interface HygieneWorld {
  send(bytes: string): Promise<Outcome>;
  close(): Promise<void>;
}

/** The lines that the bastion puts first into each request for this host. */
export function originOf(host: string): string {
  const told = `Forwarded: for=127.0.0.1;host="${host}";proto=https\r\nX-Forwarded-For: 127.0.0.1\r\n`;
  return `Host: ${host}\r\n${told}X-Forwarded-Host: ${host}\r\nX-Forwarded-Proto: https\r\n`;
}

/** A front before an upstream that records what it is sent; requests must say `Connection: close`, or be refused. */
export async function hygieneWorld(): Promise<HygieneWorld> {
  let bytes = '';
  let requests: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer({ requireHostHeader: false }, (request, response) => {
    let length = 0;
    request.on('data', (chunk: Buffer) => (length += chunk.length));
    request.on('end', () => {
      requests.push(`${request.method} ${request.url} ${length}`);
      response.end('reached');
    });
  });
  server.on('upgrade', (request, socket) => {
    requests.push(`${request.method} ${request.url} upgrade`);
    socket.end('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
  });
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('data', (chunk: Buffer) => (bytes += chunk.toString('latin1')));
  });
  const world: World = await frontWorld({ server });
  return {
    send: async (text) => {
      bytes = '';
      requests = [];
      const visitor = await world.socket();
      visitor.write(text, 'latin1');
      const answer = await everything(visitor);
      while (sockets.size > 0) await new Promise((resolve) => setImmediate(resolve));
      return { answer, forwarded: bytes, requests };
    },
    close: () => world.close(),
  };
}

// Real links over real TLS on loopback: a server that answers upgrades as a test says, a throw-away CA, and a way to dial.

import type { IncomingMessage } from 'node:http';
import { createServer, type Server } from 'node:https';
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';

import { createAuthority } from '../../certs/authority.ts';
import { issueLeaf } from '../../certs/leaf.ts';
import { PosternError } from '../../shared/errors.ts';
import { acceptLink } from '../../shared/link/accept.ts';
import { dialLink, type DialError, type DialOptions } from '../../shared/link/dial.ts';
import type { LinkOptions, WebSocketLink } from '../../shared/link/websocket-link.ts';
import { lookup } from '../../shared/net/resolve.ts';
import { TUNNEL_PATH } from '../../shared/wire/handshake.ts';

const DOMAIN = 'links.localhost';
export const MAX_MESSAGE = 65_536;

export type Upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => void;

export class LinkWorld {
  readonly ca: string;
  /** What the server does with an upgrade; at first it accepts, and the link is in `accepted`. */
  onUpgrade: Upgrade = (request, socket, head) => void this.accept(request, socket, head);
  readonly accepted: WebSocketLink[] = [];
  accepting: LinkOptions = {};
  readonly server: Server;
  readonly #sockets = new Set<Duplex>();

  constructor() {
    const authority = createAuthority({ domain: DOMAIN, now: Date.now() });
    const leaf = issueLeaf(authority, { now: Date.now() });
    this.ca = authority.certificate;
    this.server = createServer({ cert: leaf.certificate, key: leaf.key });
    this.server.on('upgrade', (request, socket, head) => this.onUpgrade(request, socket, head));
    this.server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
  }

  static async start(): Promise<LinkWorld> {
    const world = new LinkWorld();
    world.server.listen(0, '127.0.0.1');
    await once(world.server, 'listening');
    return world;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** TCP connections open at the server. */
  get connections(): number {
    return this.#sockets.size;
  }

  options(more: Partial<DialOptions> & { port?: number } = {}): DialOptions {
    const { port = this.port, ...rest } = more;
    return {
      url: `wss://${DOMAIN}:${port}${TUNNEL_PATH}`,
      headers: {},
      ca: this.ca,
      lookup,
      timeoutMs: 5000,
      signal: new AbortController().signal,
      zeroMask: true,
      maxMessage: MAX_MESSAGE,
      ...rest,
    };
  }

  async accept(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<WebSocketLink> {
    const options = { headers: {}, maxMessage: MAX_MESSAGE, ...this.accepting };
    const link = await acceptLink(request, socket, head, options);
    this.accepted.push(link);
    return link;
  }

  /** Both ends of a new link. */
  async pair(
    more: Parameters<LinkWorld['options']>[0] & { link?: LinkOptions } = {},
  ): Promise<[WebSocketLink, WebSocketLink]> {
    const { link: linkOptions, ...options } = more;
    const { link } = await dialLink(this.options(options), linkOptions);
    await eventually(() => this.accepted.length > 0);
    return [link, this.accepted.shift() as WebSocketLink];
  }

  async close(): Promise<void> {
    this.server.close();
    for (const socket of this.#sockets) socket.destroy();
    if (this.server.listening) await once(this.server, 'close');
  }
}

/** Looks again and again until the condition holds; fails after `ms`. */
export async function eventually(condition: () => boolean, ms = 10_000): Promise<void> {
  const end = performance.now() + ms;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`after ${ms} ms, still not: ${condition.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** Why a dial fails that must fail. */
export async function failure(options: DialOptions): Promise<DialError> {
  return dialLink(options).then(
    ({ link }) => {
      link.destroy(new PosternError('internal'));
      return assert.fail('it was accepted');
    },
    (error: unknown) => error as DialError,
  );
}

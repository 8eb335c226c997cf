// As little of a bastion as an agent needs: TLS from a throw-away CA, the upgrade, and sessions in the test's hand.

import { createServer, type Server } from 'node:https';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';

import { createAuthority } from '../../certs/authority.ts';
import { issueLeaf } from '../../certs/leaf.ts';
import { PosternError, toProblem, type ErrorCode } from '../../shared/errors.ts';
import { acceptLink } from '../../shared/link/accept.ts';
import { Session } from '../../shared/mux/session.ts';
import {
  ACCEPTANCE_HEADER,
  decodeRegistration,
  encodeHeader,
  REGISTRATION_HEADER,
  type Info,
  type Registration,
} from '../../shared/wire/handshake.ts';

const LIMITS = { credit: 262_144, streams: 1000, message: 65_536 } as const;
const DOMAIN = 'bastion.localhost';

/** One agent that registered. */
export interface Arrived {
  readonly registration: Registration;
  readonly session: Session;
  readonly authorization: string | undefined;
  /** What the agent told by INFO so far. */
  readonly infos: Info[];
}

export class BareBastion {
  readonly arrivals: Arrived[] = [];
  /** Refuse every registration with this code; undefined accepts. */
  refuseWith: ErrorCode | undefined;
  /** Holds the CA, the token and whatever a test puts there. */
  readonly directory = mkdtempSync(join(tmpdir(), 'postern-test-'));
  /** Its certificate, from the CA in `caFile`. */
  readonly leaf: { readonly cert: string; readonly key: string };
  /** For how long it promises to keep lost sessions. */
  resumeMs = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Duplex>();
  #waiting: { count: number; resolve: (arrived: Arrived) => void }[] = [];

  readonly #domain: string;

  constructor(domain = DOMAIN) {
    this.#domain = domain;
    const authority = createAuthority({ domain, now: Date.now() });
    const leaf = issueLeaf(authority, { now: Date.now() });
    this.leaf = { cert: leaf.certificate, key: leaf.key };
    writeFileSync(this.caFile, authority.certificate);
    writeFileSync(this.tokenFile, 'token-of-the-test\n', { mode: 0o600 });
    this.#server = createServer(this.leaf);
    this.#server.on('upgrade', (request, socket, head) => void this.#upgrade(request, socket, head));
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
  }

  get caFile(): string {
    return join(this.directory, 'ca.pem');
  }

  get tokenFile(): string {
    return join(this.directory, 'token');
  }

  get url(): string {
    return `https://${this.#domain}:${this.port}`;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  listen(host = '127.0.0.1'): Promise<this> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(0, host, () => resolve(this));
    });
  }

  /** Newcomers are refused from now on. */
  stopListening(): void {
    this.#server.close();
  }

  /** The arrival with this number, counted from 1, as soon as it is there. */
  arrival(count = 1): Promise<Arrived> {
    const there = this.arrivals[count - 1];
    if (there !== undefined) return Promise.resolve(there);
    return new Promise((resolve) => this.#waiting.push({ count, resolve }));
  }

  /** Cuts every TCP connection, as a network does. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async close(): Promise<void> {
    for (const { session } of this.arrivals) session.destroy(new PosternError('session-closed'));
    this.cut();
    if (this.#server.listening) await new Promise((resolve) => this.#server.close(resolve));
    rmSync(this.directory, { recursive: true, force: true });
  }

  async #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    socket.on('error', () => {});
    if (this.refuseWith !== undefined) return this.#refuse(socket, this.refuseWith);
    const registration = decodeRegistration(String(request.headers[REGISTRATION_HEADER]));
    const acceptance = {
      bastion: 'bare-bastion/0',
      session: '0'.repeat(32),
      resumeKey: 'k'.repeat(43),
      resumeMs: this.resumeMs,
      urls: Object.fromEntries(registration.names.map((name) => [name, `https://${name}.${this.#domain}/`])),
      expiresAt: Date.now() + 3_600_000,
      features: [],
      limits: LIMITS,
    };
    const headers = { [ACCEPTANCE_HEADER]: encodeHeader(acceptance) };
    const link = await acceptLink(request, socket, head, { headers, maxMessage: LIMITS.message });
    const infos: Info[] = [];
    const session = new Session(link, {
      role: 'bastion',
      own: LIMITS,
      peer: registration.limits,
      onInfo: (info) => {
        infos.push(info);
      },
    });
    const arrived = { registration, session, authorization: request.headers.authorization, infos };
    this.arrivals.push(arrived);
    for (const waiting of this.#waiting) if (waiting.count === this.arrivals.length) waiting.resolve(arrived);
  }

  #refuse(socket: Duplex, code: ErrorCode): void {
    const problem = toProblem(new PosternError(code));
    const body = JSON.stringify(problem);
    socket.end(
      `HTTP/1.1 ${problem.status} Refused\r\ncontent-type: application/problem+json\r\nconnection: close\r\n` +
        `content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    );
  }
}

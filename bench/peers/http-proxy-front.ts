// The program of the peer "http-proxy on our tunnel": its engine instead of our front and exchange, our session below it.

import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Agent } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { createServer } from 'node:https';
import type { Duplex } from 'node:stream';
import httpProxy from 'http-proxy';
import { acceptLink } from '../../shared/link/accept.ts';
import { Session } from '../../shared/mux/session.ts';
import {
  ACCEPTANCE_HEADER,
  REGISTRATION_HEADER,
  decodeRegistration,
  encodeHeader,
} from '../../shared/wire/handshake.ts';
import type { Limits } from '../../shared/wire/handshake.ts';

const LIMITS: Limits = { credit: 256 * 1024, streams: 1000, message: 256 * 1024 };
const DAY_MS = 86_400_000;
const [port, domain, certificateFile, keyFile] = process.argv.slice(2) as [string, string, string, string];

let session: Session | undefined;

/** Kept-alive connections to the notebook, each of them a stream; the agent expects what only a net.Socket has. */
class TunnelAgent extends Agent {
  override createConnection(): Duplex {
    if (session === undefined) throw new Error('no agent has registered yet');
    const stream = session.open({ service: 'web', visitor: 'public' });
    const nothing = (): Duplex => stream;
    return Object.assign(stream, {
      setKeepAlive: nothing,
      setNoDelay: nothing,
      setTimeout: nothing,
      ref: nothing,
      unref: nothing,
    });
  }
}

/** Anybody may register: this program runs for a benchmark on loopback only. */
async function register(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
  const registration = decodeRegistration(String(request.headers[REGISTRATION_HEADER]));
  const acceptance = encodeHeader({
    bastion: 'http-proxy-front',
    session: randomBytes(16).toString('hex'),
    resumeKey: randomBytes(32).toString('base64url'),
    resumeMs: 0,
    urls: Object.fromEntries(registration.names.map((name) => [name, `https://${name}.${domain}:${port}`])),
    expiresAt: Date.now() + DAY_MS,
    features: [],
    limits: LIMITS,
  });
  const headers = { [ACCEPTANCE_HEADER]: acceptance };
  const link = await acceptLink(request, socket, head, { headers, maxMessage: LIMITS.message });
  session = new Session(link, { role: 'bastion', own: LIMITS, peer: registration.limits });
}

const agent = new TunnelAgent({ keepAlive: true, maxFreeSockets: 64 });
const proxy = httpProxy.createProxyServer({ agent, target: 'http://notebook', xfwd: true });
const server = createServer({
  cert: readFileSync(certificateFile),
  key: readFileSync(keyFile),
  keepAliveTimeout: 75_000,
});
server.on('request', (request, response) => proxy.web(request, response, {}, () => response.destroy()));
server.on('upgrade', (request, socket, head) => {
  register(request, socket, head).catch((error: unknown) => socket.destroy(error as Error));
});
server.listen({ host: '127.0.0.1', port: Number(port) });

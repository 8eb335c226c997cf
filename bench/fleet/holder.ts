// What connections cost without us: a plain TLS server, a bare `ws` server over TLS, or the notebook of the fleet.

import { readFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { Server } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { WebSocketServer } from 'ws';
import { answerCalls } from './calls.ts';
import { settledMemory } from './memory.ts';

export interface HolderPlan {
  /** `notebook`: WebSockets without TLS, on a unix socket. */
  readonly kind: 'tls' | 'websocket' | 'notebook';
  readonly certificateFile?: string;
  readonly keyFile?: string;
  /** Of `notebook`. */
  readonly path?: string;
}

function serverFor({ kind, certificateFile = '', keyFile = '' }: HolderPlan): Server {
  if (kind === 'notebook') return acceptingWebSockets(createHttpServer());
  const material = { cert: readFileSync(certificateFile), key: readFileSync(keyFile) };
  if (kind === 'websocket') return acceptingWebSockets(createHttpsServer(material));
  return createTlsServer(material, (socket) => socket.on('error', () => {}).resume());
}

function acceptingWebSockets(server: Server): Server {
  const webSockets = new WebSocketServer({ noServer: true });
  server.on('upgrade', (request, socket, head) =>
    webSockets.handleUpgrade(request, socket, head, (webSocket) => webSocket.on('error', () => {})),
  );
  return server;
}

answerCalls({
  listen: (plan: HolderPlan) => {
    const server = serverFor(plan);
    const where = plan.path === undefined ? { host: '127.0.0.1', port: 0 } : { path: plan.path };
    return new Promise<number>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ ...where, backlog: 4096 }, () => {
        const address = server.address();
        resolve(address !== null && typeof address === 'object' ? address.port : 0);
      });
    });
  },
  memory: settledMemory,
});

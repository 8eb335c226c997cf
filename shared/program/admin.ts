// The admin port: /metrics for Prometheus, /healthz and /readyz for whoever supervises the program.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { isIP, type AddressInfo } from 'node:net';

export interface AdminOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** The metrics in Prometheus's text format. */
  metrics(): Promise<string>;
  /** False before the program serves and from the moment it was asked to stop. */
  ready(): boolean;
  /** More answers, as JSON, by path: `/tunnels`. */
  readonly json?: Readonly<Record<string, () => unknown>>;
}

export interface Admin {
  readonly port: number;
  /** Stops listening and drops what is connected; idempotent. */
  close(): Promise<void>;
}

/** Listens; rejects when the address can't be bound. */
export async function startAdmin(options: AdminOptions): Promise<Admin> {
  const server = createServer((request, response) => {
    void answer(options, request, response);
  });
  server.headersTimeout = 10_000;
  server.requestTimeout = 10_000;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answer(options: AdminOptions, request: IncomingMessage, response: ServerResponse): Promise<void> {
  response.setHeader('cache-control', 'no-store');
  response.setHeader('x-content-type-options', 'nosniff');
  if (isLoopback(options.host) && !isHostHere(request.headers.host))
    return reply(response, 421, 'This host name is not served here.\n');
  if (request.method !== 'GET' && request.method !== 'HEAD') return reply(response, 405, 'Only GET is served here.\n');
  const path = request.url?.split('?')[0] ?? '';
  const json = new Map(Object.entries(options.json ?? {})).get(path);
  if (json !== undefined) {
    response.setHeader('content-type', 'application/json');
    return void response.end(`${JSON.stringify(json())}\n`);
  }
  switch (path) {
    case '/healthz':
      return reply(response, 200, 'ok\n');
    case '/readyz':
      return options.ready() ? reply(response, 200, 'ready\n') : reply(response, 503, 'not ready\n');
    case '/metrics':
      return metrics(options, response);
    default:
      return reply(
        response,
        404,
        `Here are ${['/metrics', '/healthz', '/readyz', ...Object.keys(options.json ?? {})].join(', ')}.\n`,
      );
  }
}

async function metrics(options: AdminOptions, response: ServerResponse): Promise<void> {
  try {
    const text = await options.metrics();
    response.setHeader('content-type', 'text/plain; version=0.0.4; charset=utf-8');
    response.end(text);
  } catch {
    reply(response, 500, 'The metrics could not be collected.\n');
  }
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.');
}

/** Only addresses and localhost: a page that rebinds its own DNS name to 127.0.0.1 would otherwise read the metrics. */
function isHostHere(host: string | undefined): boolean {
  const name = (host ?? 'localhost').replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');
  return name === 'localhost' || isIP(name) !== 0;
}

function reply(response: ServerResponse, status: number, text: string): void {
  response.statusCode = status;
  response.setHeader('content-type', 'text/plain; charset=utf-8');
  response.end(text);
}

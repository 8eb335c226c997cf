// The plain HTTP port that serves nothing: whoever asks for a host of ours there is sent to HTTPS, and nowhere else.

import { createServer, STATUS_CODES, type IncomingMessage, type ServerResponse } from 'node:http';

import { asPosternError, PosternError } from '../../shared/errors.ts';
import { listenOn, type ListenTarget } from '../../shared/net/listen.ts';
import { readHost } from '../forward/request-check.ts';
import { normalDomain, placeOf } from './hostname.ts';

export interface RedirectOptions {
  /** Normalised: `notebooks.example.org`. */
  readonly domain: string;
  /** The port of the HTTPS addresses; asked at each request. */
  port(): number;
}

export interface RedirectPort {
  readonly port: number;
  /** Ends its connections. Idempotent. */
  close(): void;
}

/** One request of a few lines, and its answer. */
const LIMITS = {
  maxHeaderSize: 16_384,
  headersTimeout: 10_000,
  requestTimeout: 10_000,
  connectionsCheckingInterval: 2000,
};
const MAX_CONNECTIONS = 1000;

/** Rejects with PosternError `options-invalid` when it can't listen there. */
export async function openRedirectPort(target: ListenTarget, options: RedirectOptions): Promise<RedirectPort> {
  const server = createServer({ ...LIMITS, requireHostHeader: false }, (request, response) => {
    try {
      answer(response, 308, ['Location', httpsAddress(request, options)]);
    } catch (error) {
      answer(response, asPosternError(error).entry.status, []);
    }
  });
  server.maxConnections = MAX_CONNECTIONS;
  const port = await listenOn(server, target);
  return {
    port,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** The same path of the same host by HTTPS; throws PosternError `request-ambiguous` or `misdirected`. */
function httpsAddress({ rawHeaders, url = '' }: IncomingMessage, { domain, port }: RedirectOptions): string {
  const host = readHost(rawHeaders);
  const { kind } = placeOf(host, domain);
  if (kind === 'invalid' || !url.startsWith('/')) throw new PosternError('request-ambiguous');
  if (kind === 'foreign') throw new PosternError('misdirected');
  const suffix = port() === 443 ? '' : `:${port()}`;
  return `https://${normalDomain(host.replace(/:[0-9]+$/, ''))}${suffix}${url}`;
}

function answer(response: ServerResponse, status: number, headers: string[]): void {
  const common = ['Content-Length', '0', 'Cache-Control', 'no-store', 'Connection', 'close'];
  response.writeHead(status, STATUS_CODES[status], [...headers, ...common]).end();
}

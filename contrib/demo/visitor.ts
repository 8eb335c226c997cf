// A visitor as a program: HTTPS with the CA verified, the headers a browser would send, the cookie, and WebSockets.

import { Agent as HttpAgent, request as httpRequest } from 'node:http';
import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { lookup as systemLookup } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { WebSocket } from 'ws';

export interface VisitorOptions {
  /** `https://demo.notebooks.localhost:8443`, or plain `http://...` to meet a notebook directly. */
  readonly origin: string;
  /** PEM of the CA to trust; undefined means the system's. */
  readonly ca?: string | undefined;
  /** Sent with every request, for example Authorization. */
  readonly headers?: Record<string, string>;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

export interface Asking {
  readonly method?: string;
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: string | Buffer;
}

/** Names under .localhost are loopback (RFC 6761), which not every system's resolver knows. */
export const loopbackLookup: LookupFunction = (hostname, options, callback) => {
  if (hostname !== 'localhost' && !hostname.endsWith('.localhost')) return systemLookup(hostname, options, callback);
  if (options.all === true) return callback(null, [{ address: '127.0.0.1', family: 4 }]);
  return callback(null, '127.0.0.1', 4);
};

export class Visitor {
  readonly origin: string;
  readonly #options: VisitorOptions;
  readonly #connections: HttpAgent | HttpsAgent;
  #cookie: string | undefined;

  constructor(options: VisitorOptions) {
    this.#options = options;
    this.origin = new URL(options.origin).origin;
    this.#connections = this.origin.startsWith('https:')
      ? new HttpsAgent({ keepAlive: true, ca: options.ca, lookup: loopbackLookup })
      : new HttpAgent({ keepAlive: true, lookup: loopbackLookup });
  }

  /** Exchanges the one-time secret of an owner's link for the cookie; throws when it is refused. */
  async enter(secret: string): Promise<void> {
    const answer = await this.ask('/_postern/enter', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ secret }),
    });
    const cookies = (answer.headers['set-cookie'] ?? []).map((cookie) => cookie.split(';', 1)[0]);
    if (answer.status !== 204 || cookies.length === 0)
      throw new Error(`the link was refused: ${answer.status} ${answer.body.toString('utf8').slice(0, 300)}`);
    this.#cookie = cookies.join('; ');
  }

  /** The cookie as a header value, once entered; for load generators. */
  get cookie(): string | undefined {
    return this.#cookie;
  }

  /** One exchange, the whole body in memory. */
  async ask(path: string, asking: Asking = {}): Promise<Answer> {
    const response = await this.open(path, asking);
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk as Buffer);
    return { status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) };
  }

  /** As `ask`, but anything other than 2xx throws, and the body is read as JSON. */
  async json(path: string, asking: Asking = {}): Promise<Record<string, unknown>> {
    const { status, body } = await this.ask(path, asking);
    const text = body.toString('utf8');
    if (status < 200 || status > 299)
      throw new Error(`${asking.method ?? 'GET'} ${path} was answered ${status}: ${text.slice(0, 300)}`);
    return text === '' ? {} : (JSON.parse(text) as Record<string, unknown>);
  }

  /** One exchange whose body the caller reads as a stream. */
  open(path: string, asking: Asking = {}): Promise<IncomingMessage> {
    const method = asking.method ?? 'GET';
    const length = asking.body === undefined ? {} : { 'content-length': Buffer.byteLength(asking.body) };
    const headers = { ...this.#browserHeaders('cors', method), ...length, ...asking.headers };
    const send = this.origin.startsWith('https:') ? httpsRequest : httpRequest;
    return new Promise((resolve, reject) => {
      const request = send(new URL(path, this.origin), { method, headers, agent: this.#connections }, resolve);
      request.on('error', reject);
      request.end(asking.body);
    });
  }

  /** An open WebSocket; rejects when the upgrade is refused. */
  webSocket(path: string): Promise<WebSocket> {
    const url = new URL(path, this.origin.replace(/^http/, 'ws'));
    // The lookup is passed on to node:https, which the types of ws do not say.
    const options = {
      headers: this.#browserHeaders('websocket', 'POST'),
      ca: this.#options.ca,
      lookup: loopbackLookup,
    };
    return new Promise((resolve, reject) => {
      const socket = new WebSocket(url, { ...options, perMessageDeflate: false });
      socket.once('error', reject);
      socket.once('open', () => resolve(socket));
    });
  }

  close(): void {
    this.#connections.destroy();
  }

  /** What a browser adds to a request that a page of the same origin makes. */
  #browserHeaders(mode: 'cors' | 'websocket', method: string): Record<string, string> {
    const safe = method === 'GET' || method === 'HEAD';
    return {
      'user-agent': 'postern-demo',
      accept: '*/*',
      'sec-fetch-site': 'same-origin',
      'sec-fetch-mode': mode,
      'sec-fetch-dest': mode === 'websocket' ? 'websocket' : 'empty',
      ...(safe ? {} : { origin: this.origin }),
      ...(this.#cookie === undefined ? {} : { cookie: this.#cookie }),
      ...this.#options.headers,
    };
  }
}

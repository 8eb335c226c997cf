// One request of an HTTP/1.1 visitor and the way to answer it: the visitor's side of an exchange, or of a page of ours.

import type { IncomingMessage, ServerResponse } from 'node:http';

import { PosternError } from '../../shared/errors.ts';
import { readHost, readTarget, readUpgrade, readUpload } from '../forward/request-check.ts';
import type { ResponseHead } from '../forward/response-head.ts';
import type { UpstreamStream } from '../forward/stream-pool.ts';
import type { Protocol } from './exchange-record.ts';
import type { Answer } from './refusal.ts';
import { FrontVisit, type Asked, type VisitHost } from './visit.ts';

/** How long the rest of a body that nobody wants is read and thrown away, so that the answer is not lost in a reset. */
const LINGER_MS = 10_000;
/** How long a cut answer may take to leave. */
const CUT_PATIENCE_MS = 30_000;
const MAX_HEADERS = 256;
/** What was refused so can't be told from the next request with certainty, or is not meant for this connection. */
const LAST_STATUSES = new Set([400, 408, 421, 431]);

export class Http1Visit extends FrontVisit {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  #drainAwaited = false;
  /** The answer's framing tells where it ends. */
  #measured = false;

  constructor(host: VisitHost, request: IncomingMessage, response: ServerResponse, upgrade = false) {
    super(host, upgrade);
    this.request = request;
    this.response = response;
  }

  get protocol(): Protocol {
    return this.request.httpVersionMinor === 0 ? 'HTTP/1.0' : 'HTTP/1.1';
  }

  get method(): string {
    return this.request.method ?? 'GET';
  }

  get url(): string {
    return this.request.url ?? '';
  }

  get headers(): IncomingMessage['headers'] {
    return this.request.headers;
  }

  get body(): IncomingMessage {
    return this.request;
  }

  get bodyTrailers(): readonly string[] {
    return this.request.rawTrailers;
  }

  get mayTrail(): boolean {
    return this.request.httpVersionMinor > 0 && this.request.method !== 'HEAD';
  }

  override readHost(): string {
    const { rawHeaders, httpVersionMajor } = this.request;
    if (rawHeaders.length > 2 * MAX_HEADERS) throw new PosternError('header-too-large', 'too many header fields');
    if (httpVersionMajor !== 1) throw new PosternError('request-ambiguous', 'an unknown version of HTTP');
    return readHost(rawHeaders);
  }

  override read(host: string): Asked {
    const { method, url, request } = this;
    const { rawHeaders, httpVersionMinor } = request;
    const upload = readUpload(rawHeaders, httpVersionMinor > 0);
    const target = readTarget(url, method, host);
    if (this.upgrade && upload !== 'none' && upload !== 0)
      throw new PosternError('request-ambiguous', 'an upgrade with a body');
    return {
      method,
      target,
      rawHeaders,
      upload,
      upgrade: this.upgrade ? readUpgrade(request.headers.upgrade) : undefined,
    };
  }

  override inform(status: number, rawHeaders: string[]): void {
    if (this.request.httpVersionMinor === 0 || this.response.headersSent) return;
    if (status === 100) this.response.writeContinue();
    else this.response.writeInformation(status, rawHeaders);
  }

  override begin(head: ResponseHead, rawHeaders: string[]): void {
    if (this.host.leaving) this.response.shouldKeepAlive = false;
    // A Trailer field without chunked coding is an error for Node, and an empty promise for the visitor.
    const headers = head.framing === 'chunked' ? rawHeaders : withoutTrailerField(rawHeaders);
    this.status = head.status;
    this.response.writeHead(head.status, head.message, headers);
    this.#measured = head.framing === 'length' || this.response.chunkedEncoding;
  }

  override write(chunk: Buffer): boolean {
    if (this.response.write(chunk)) return true;
    if (!this.#drainAwaited) {
      this.#drainAwaited = true;
      this.response.once('drain', () => {
        this.#drainAwaited = false;
        this.exchange?.visitorDrained();
      });
    }
    return false;
  }

  override flush(): void {
    this.response.flushHeaders();
  }

  override end(chunk: Buffer | undefined, rawTrailers: readonly string[]): void {
    if (rawTrailers.length > 0 && this.response.chunkedEncoding) this.response.addTrailers(inPairs(rawTrailers));
    this.response.end(chunk);
    this.#linger();
  }

  override switchProtocols(_head: ResponseHead, _rest: Buffer, stream: UpstreamStream): void {
    stream.abort('upstream-response-invalid');
    throw new PosternError('internal', 'a switch of protocols without an upgrade');
  }

  protected override send({ status, reason, headers, body }: Answer): void {
    if (this.host.leaving || LAST_STATUSES.has(status)) this.response.shouldKeepAlive = false;
    this.response.writeHead(status, reason, headers);
    this.end(body, []);
  }

  override cut(): void {
    const { socket } = this.response;
    if (socket === null || socket.destroyed) return;
    // Without length or chunks the end of the connection would be the end of the answer: only a hard end tells.
    if (!this.#measured) return void socket.destroy();
    socket.destroySoon();
    setTimeout(() => socket.destroy(), CUT_PATIENCE_MS).unref();
  }

  /** An answer ahead of the end of the request: the rest of the body is read away for a while, then the connection ends. */
  #linger(): void {
    const { request } = this;
    if (request.complete || !hasBody(request)) return;
    request.resume();
    const timer = setTimeout(() => request.socket.destroy(), LINGER_MS).unref();
    request.once('close', () => clearTimeout(timer));
    request.once('end', () => clearTimeout(timer));
  }
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

function withoutTrailerField(raw: string[]): string[] {
  for (let index = raw.length - 2; index >= 0; index -= 2)
    if ((raw[index] as string).length === 7 && (raw[index] as string).toLowerCase() === 'trailer') raw.splice(index, 2);
  return raw;
}

function inPairs(raw: readonly string[]): [string, string][] {
  const pairs: [string, string][] = [];
  for (let index = 0; index < raw.length; index += 2) pairs.push([raw[index] as string, raw[index + 1] as string]);
  return pairs;
}

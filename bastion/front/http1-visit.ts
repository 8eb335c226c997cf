// One request of an HTTP/1.1 visitor and the way to answer it: the visitor's side of an exchange, or of a page of ours.

import type { IncomingMessage, ServerResponse } from 'node:http';

import { asPosternError, PosternError, type ErrorCode } from '../../shared/errors.ts';
import type { Exchange, Visit } from '../forward/exchange.ts';
import type { ResponseHead } from '../forward/response-head.ts';
import type { UpstreamStream } from '../forward/stream-pool.ts';
import type { ExchangeRecord } from './exchange-record.ts';
import { refusal, type Answer } from './refusal.ts';
import { newRequestId } from './request-id.ts';

/** How long the rest of a body that nobody wants is read and thrown away, so that the answer is not lost in a reset. */
const LINGER_MS = 10_000;
/** How long a cut answer may take to leave. */
const CUT_PATIENCE_MS = 30_000;

/** What a visit needs of the connection it came on. */
export interface VisitHost {
  readonly address: string;
  /** The connection is to end behind this answer. */
  readonly leaving: boolean;
  onRecord(record: ExchangeRecord): void;
  /** The visit is over: the next request may begin. */
  next(visit: Http1Visit): void;
}

export class Http1Visit implements Visit {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly host: VisitHost;
  readonly requestId = newRequestId();
  readonly upgrade: boolean;
  exchange: Exchange | undefined;
  /** The name asked for, once the Host header has been read, and who was let in. */
  name = '';
  visitor: string | undefined;
  over = false;
  /** The connection belongs to another protocol now. */
  switched = false;
  readonly #startedAt = performance.now();
  #drainAwaited = false;
  /** The answer's framing tells where it ends. */
  #measured = false;
  #status = 0;
  #ownBytes = 0;

  constructor(host: VisitHost, request: IncomingMessage, response: ServerResponse, upgrade = false) {
    this.host = host;
    this.request = request;
    this.response = response;
    this.upgrade = upgrade;
  }

  get waitedMs(): number {
    return performance.now() - this.#startedAt;
  }

  get body(): IncomingMessage {
    return this.request;
  }

  get mayTrail(): boolean {
    return this.request.httpVersionMinor > 0 && this.request.method !== 'HEAD';
  }

  inform(status: number, rawHeaders: string[]): void {
    if (this.request.httpVersionMinor === 0 || this.response.headersSent) return;
    if (status === 100) this.response.writeContinue();
    else this.response.writeInformation(status, rawHeaders);
  }

  begin(head: ResponseHead, rawHeaders: string[]): void {
    if (this.host.leaving) this.response.shouldKeepAlive = false;
    // A Trailer field without chunked coding is an error for Node, and an empty promise for the visitor.
    const headers = head.framing === 'chunked' ? rawHeaders : withoutTrailerField(rawHeaders);
    this.#status = head.status;
    this.response.writeHead(head.status, head.message, headers);
    this.#measured = head.framing === 'length' || this.response.chunkedEncoding;
  }

  write(chunk: Buffer): boolean {
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

  flush(): void {
    this.response.flushHeaders();
  }

  end(chunk: Buffer | undefined, rawTrailers: readonly string[]): void {
    if (rawTrailers.length > 0 && this.response.chunkedEncoding) this.response.addTrailers(inPairs(rawTrailers));
    this.response.end(chunk);
    this.#linger();
  }

  switchProtocols(_head: ResponseHead, _rest: Buffer, stream: UpstreamStream): void {
    stream.abort('upstream-response-invalid');
    throw new PosternError('internal', 'a switch of protocols without an upgrade');
  }

  refuse(error: PosternError): void {
    if (this.over) return;
    const { method = 'GET', headers } = this.request;
    const answer = refusal(error, { method, accept: headers.accept, requestId: this.requestId });
    if (answer.status === 400 || answer.status === 421 || answer.status === 431) this.response.shouldKeepAlive = false;
    this.answer(answer, error.code);
  }

  /** Sends a page of ours; `code` when it is a refusal. */
  answer(answer: Answer, code?: ErrorCode): void {
    if (this.over) return;
    if (this.host.leaving) this.response.shouldKeepAlive = false;
    this.#status = answer.status;
    this.#ownBytes = answer.body.length;
    this.response.writeHead(answer.status, answer.reason, answer.headers);
    this.end(answer.body, []);
    this.done(code);
  }

  cut(): void {
    const { socket } = this.response;
    if (socket === null || socket.destroyed) return;
    // Without length or chunks the end of the connection would be the end of the answer: only a hard end tells.
    if (!this.#measured) return void socket.destroy();
    socket.destroySoon();
    setTimeout(() => socket.destroy(), CUT_PATIENCE_MS).unref();
  }

  done(code: ErrorCode | undefined): void {
    if (this.over) return;
    this.over = true;
    this.host.onRecord(this.record(code));
    this.host.next(this);
  }

  /** Whatever was thrown on the way, as the page for it. */
  failed(error: unknown): void {
    this.refuse(asPosternError(error));
  }

  /** The visitor's connection is gone, or can't be understood any more. */
  gone(code: ErrorCode): void {
    if (this.exchange === undefined) this.done(code);
    else this.exchange.visitorGone(code);
  }

  protected record(code: ErrorCode | undefined, status = this.#status): ExchangeRecord {
    const { url = '', method = '' } = this.request;
    const query = url.indexOf('?');
    return {
      requestId: this.requestId,
      name: this.name,
      address: this.host.address,
      method,
      path: query < 0 ? url : url.slice(0, query),
      status,
      bytesIn: this.exchange?.bytesIn ?? 0,
      bytesOut: this.exchange === undefined ? this.#ownBytes : this.exchange.bytesOut + this.#ownBytes,
      durationMs: this.waitedMs,
      upgrade: this.upgrade,
      ...(this.visitor === undefined ? undefined : { visitor: this.visitor }),
      ...(code === undefined ? undefined : { code }),
    };
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

// One request of an HTTP/2 visitor and the way to answer it on its stream: the visitor's side of an exchange, or of a page of ours.

import type { IncomingHttpHeaders } from 'node:http';
import { constants, type ServerHttp2Stream } from 'node:http2';
import { addAbortSignal } from 'node:stream';

import { PosternError } from '../../shared/errors.ts';
import { responseHeaders } from '../forward/headers.ts';
import { readHttp2Request, type Http2Limits, type Http2Request } from '../forward/http2-request.ts';
import type { ResponseHead } from '../forward/response-head.ts';
import type { UpstreamStream } from '../forward/stream-pool.ts';
import { join } from './joined.ts';
import type { Answer } from './refusal.ts';
import { FrontVisit, type Asked, type VisitHost } from './visit.ts';
import { acceptOf, newWebSocketKey } from './websocket-key.ts';

const { NGHTTP2_NO_ERROR } = constants;

/** How long a cut answer may take to leave. */
const CUT_PATIENCE_MS = 30_000;
/** Node sends no others, in HTTP/2. */
const LAST_STATUS = 599;
const NOTHING: readonly string[] = [];
/** The handshake's key is between us and the notebook. */
const HANDSHAKE_FIELDS = new Set(['sec-websocket-key', 'sec-websocket-accept']);

/** What the visitor's stream began with. */
export interface Opening {
  readonly headers: IncomingHttpHeaders & { readonly [name: string]: string | string[] | undefined };
  readonly rawHeaders: readonly string[];
}

export class Http2Visit extends FrontVisit {
  readonly protocol = 'HTTP/2';
  readonly body: ServerHttp2Stream;
  readonly headers: IncomingHttpHeaders;
  readonly method: string;
  readonly url: string;
  bodyTrailers = NOTHING;
  #rawHeaders: readonly string[];
  readonly #limits: Http2Limits;
  #read: Http2Request | undefined;
  #key = '';
  /** The final head, until it is sent. */
  #head: string[] | undefined;
  #trailing = false;
  #drainAwaited = false;

  constructor(host: VisitHost, stream: ServerHttp2Stream, { headers, rawHeaders }: Opening, limits: Http2Limits) {
    super(host, headers[':protocol'] !== undefined);
    this.body = stream;
    this.headers = headers;
    this.method = String(headers[':method'] ?? '');
    this.url = String(headers[':path'] ?? '');
    this.#rawHeaders = rawHeaders;
    this.#limits = limits;
    // 'close' follows each of them, and 'aborted' comes ahead of an 'end' that is none.
    stream.on('error', () => {});
    stream.on('aborted', this.#onGone);
    stream.on('close', this.#onGone);
    if (!stream.endAfterHeaders) {
      stream.on('end', this.#onBodyEnd);
      stream.on('trailers', (_headers: unknown, _flags: unknown, raw?: string[]) => {
        this.bodyTrailers = raw ?? NOTHING;
      });
    }
  }

  get mayTrail(): boolean {
    return this.method !== 'HEAD';
  }

  override readHost(): string {
    const request = readHttp2Request(this.#rawHeaders, this.body.endAfterHeaders, this.#limits);
    this.#read = request;
    this.headers.host = request.authority;
    return request.authority;
  }

  override read(): Asked {
    const { method, target, rawHeaders, upload, protocol } = this.#read as Http2Request;
    // A WebSocket may last for days: what is known of its request is not kept twice for so long.
    this.#read = undefined;
    this.#rawHeaders = NOTHING;
    if (protocol === undefined) return { method, target, rawHeaders, upload, upgrade: undefined };
    if (protocol.toLowerCase() !== 'websocket') throw new PosternError('method-refused', 'CONNECT to another protocol');
    this.#key = newWebSocketKey();
    const kept = without(rawHeaders, HANDSHAKE_FIELDS);
    kept.push('Sec-WebSocket-Key', this.#key);
    return { method: 'GET', target, rawHeaders: kept, upload, upgrade: 'websocket' };
  }

  override inform(status: number, rawHeaders: string[]): void {
    if (this.#closed || this.body.headersSent) return;
    this.body.additionalHeaders({ ...asObject(rawHeaders), ':status': status });
  }

  override begin(head: ResponseHead, rawHeaders: string[]): void {
    if (head.status > LAST_STATUS)
      throw new PosternError('upstream-response-invalid', `status ${head.status}, which HTTP/2 has no room for here`);
    const announced = rawHeaders.some((name, index) => index % 2 === 0 && name.toLowerCase() === 'trailer');
    this.#trailing = head.framing === 'chunked' && (announced || this.headers['te'] !== undefined);
    this.status = head.status;
    this.#head = rawHeaders;
  }

  override write(chunk: Buffer): boolean {
    if (this.#closed) return true;
    this.#respond({ waitForTrailers: this.#trailing });
    if (this.body.write(chunk)) return true;
    if (!this.#drainAwaited) {
      this.#drainAwaited = true;
      this.body.once('drain', () => {
        this.#drainAwaited = false;
        this.exchange?.visitorDrained();
      });
    }
    return false;
  }

  override flush(): void {
    if (!this.#closed) this.#respond({ waitForTrailers: this.#trailing });
  }

  override end(chunk: Buffer | undefined, rawTrailers: readonly string[]): void {
    const stream = this.body;
    if (this.#closed) return;
    const trailing = rawTrailers.length > 0 && (this.#trailing || this.#head !== undefined);
    if (trailing) stream.once('wantTrailers', () => stream.sendTrailers(asObject(rawTrailers)));
    const empty = chunk === undefined || chunk.length === 0;
    this.#respond({ endStream: empty && !trailing, waitForTrailers: trailing });
    if (empty) stream.end();
    else stream.end(chunk);
    // An answer ahead of the end of the request: the rest of the body is not asked for (RFC 9113 §8.1).
    if (!stream.readableEnded && !stream.endAfterHeaders && !trailing) stream.close(NGHTTP2_NO_ERROR);
  }

  override switchProtocols(head: ResponseHead, rest: Buffer, stream: UpstreamStream): void {
    if (!accepts(head, this.#key)) {
      stream.abort('upstream-response-invalid');
      return this.refuse(new PosternError('upstream-response-invalid', 'a 101 that does not answer the WebSocket key'));
    }
    if (this.#closed) {
      stream.abort('stream-cancelled');
      return this.done('stream-cancelled');
    }
    this.switched = true;
    const visitor = this.body;
    visitor.pause();
    this.#head = without(responseHeaders(head, '', false), HANDSHAKE_FIELDS);
    this.status = 200;
    this.#respond({});
    // RST_STREAM with CANCEL stands for a reset connection (RFC 8441 §5), which must not look like an end before.
    const cut = (): void => void addAbortSignal(AbortSignal.abort(), visitor);
    const ahead = { early: [], rest, watch: this.watch(true) };
    void join(visitor, stream, ahead, cut).then(({ bytesIn, bytesOut }) => this.switchedBack(200, bytesIn, bytesOut));
  }

  override cut(): void {
    const stream = this.body;
    if (this.#closed) return;
    // `close` with a code would end the answer first, as if it were whole; `destroy` resets it.
    const reset = (): void => void stream.destroy(new PosternError('stream-cancelled'));
    const timer = setTimeout(reset, CUT_PATIENCE_MS).unref();
    // What was written before goes out first, as far as the visitor takes it.
    stream.write('', () => {
      clearTimeout(timer);
      reset();
    });
  }

  protected override send({ status, headers, body }: Answer): void {
    if (this.#closed) return;
    this.#head = headers;
    this.status = status;
    this.end(body, NOTHING);
  }

  get #closed(): boolean {
    return this.body.destroyed || this.body.closed;
  }

  #respond(options: { endStream?: boolean; waitForTrailers?: boolean }): void {
    const head = this.#head;
    if (head === undefined) return;
    this.#head = undefined;
    head.push(':status', String(this.status));
    this.body.respond(head, options);
  }

  readonly #onGone = (): void => {
    if (!this.over && !this.switched) this.gone('stream-cancelled');
  };

  /** Node ends the body of a stream that was reset without an error, too. */
  readonly #onBodyEnd = (): void => {
    if (this.body.closed) this.#onGone();
  };
}

function accepts({ rawHeaders }: ResponseHead, key: string): boolean {
  const isNamed = (name: string, lower: string): boolean => name.toLowerCase() === lower;
  const values = rawHeaders.filter(
    (_, at) => at % 2 === 1 && isNamed(rawHeaders[at - 1] as string, 'sec-websocket-accept'),
  );
  const upgrade = rawHeaders.find((_, at) => at % 2 === 1 && isNamed(rawHeaders[at - 1] as string, 'upgrade'));
  return values.length === 1 && values[0] === acceptOf(key) && upgrade?.toLowerCase() === 'websocket';
}

function without(raw: readonly string[], names: ReadonlySet<string>): string[] {
  return raw.filter((_, index) => !names.has((raw[index - (index % 2)] as string).toLowerCase()));
}

/** Repeated names become lists. */
function asObject(raw: readonly string[]): Record<string, string | string[]> {
  const all = new Map<string, string | string[]>();
  for (let index = 0; index < raw.length; index += 2) {
    const name = (raw[index] as string).toLowerCase();
    const value = raw[index + 1] as string;
    const before = all.get(name);
    all.set(name, before === undefined ? value : [before, value].flat());
  }
  return Object.fromEntries(all);
}

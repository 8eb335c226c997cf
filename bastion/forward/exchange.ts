// One exchange: a visitor's request to the notebook over a stream, and the notebook's response back to the visitor.

import { PosternError, asPosternError, type ErrorCode } from '../../shared/errors.ts';
import { NOTICE, withNotice } from './notice.ts';
import { passingTrailers, requestHead, responseHeaders, type RequestHead } from './headers.ts';
import type { ResponseHead } from './response-head.ts';
import { ResponseReader, type ResponseSink } from './response.ts';
import type { Destination, Dialer, PooledStream, StreamPool, StreamUser, UpstreamStream } from './stream-pool.ts';
import { Upload, type UploadSource } from './upload.ts';

/** The visitor's side of one exchange, in whatever version of HTTP the visitor speaks. */
export interface Visit extends UploadSource {
  /** A trailer section can be sent to this visitor. */
  readonly mayTrail: boolean;
  inform(status: number, rawHeaders: string[]): void;
  /**
   * The final head; it goes out with the first bytes of body, or at `flush` or `end`. Throws PosternError
   * `upstream-response-invalid` when this visitor can't be told such a thing.
   */
  begin(head: ResponseHead, rawHeaders: string[]): void;
  /** False: the visitor reads slowly; the exchange waits for its `visitorDrained` to be called. */
  write(chunk: Buffer): boolean;
  flush(): void;
  end(chunk: Buffer | undefined, rawTrailers: readonly string[]): void;
  /** After 101: both sides belong to the new protocol; `rest` are its first bytes from the notebook. */
  switchProtocols(head: ResponseHead, rest: Buffer, stream: UpstreamStream): void;
  /** Nothing but 1xx was sent yet: the visitor gets a page that says why. */
  refuse(error: PosternError): void;
  /** A part of the answer was sent: it must be visibly incomplete. */
  cut(): void;
  /** The exchange is over; called once, last, except after `switchProtocols` and `refuse`. */
  done(code: ErrorCode | undefined): void;
}

export interface ExchangePlan {
  readonly streams: StreamPool;
  readonly destination: Destination;
  readonly request: RequestHead;
  /** The visitor's Host without port, lower case: cookies are kept to it. */
  readonly host: string;
  /** Is told when bytes of a body move, in either direction. */
  readonly traffic?: { moved(): void };
  /** A page that the answer may be gets the notice. */
  readonly notice?: boolean;
  /** How long the visitor may send nothing of a body, in milliseconds. */
  readonly uploadIdleMs: number;
}

const IDEMPOTENT = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE']);

export class Exchange implements StreamUser, ResponseSink {
  readonly #visit: Visit;
  readonly #plan: ExchangePlan;
  readonly #reader: ResponseReader = new ResponseReader(this);
  #pooled: PooledStream | undefined;
  #upload: Upload | undefined;
  /** The stream, once it carries another protocol. */
  #switched: UpstreamStream | undefined;
  /** The final head, from its arrival on. */
  #head: ResponseHead | undefined;
  #begun = false;
  /** The answer is a page, and the notice goes behind it. */
  #noticed = false;
  #flushed = false;
  /** The last slice of body, kept until the end of the chunk it came in: with luck it is the last of all. */
  #pending: Buffer | undefined;
  #paused = false;
  #over = false;
  #leaveQueue: () => void = () => {};
  /** Bytes of response body passed on. */
  bytesOut = 0;

  constructor(visit: Visit, plan: ExchangePlan) {
    this.#visit = visit;
    this.#plan = plan;
  }

  /** Bytes of request body passed on. */
  get bytesIn(): number {
    return this.#upload?.bytes ?? 0;
  }

  start(): void {
    const { streams, destination } = this.#plan;
    this.#leaveQueue = streams.queue(destination, () => this.#send());
  }

  #send(): void {
    const { streams, destination, request } = this.#plan;
    const fresh = request.upgrade !== undefined;
    try {
      this.#use(fresh ? streams.open(destination) : streams.take(destination, IDEMPOTENT.has(request.method)));
    } catch (error) {
      this.#over = true;
      this.#visit.refuse(asPosternError(error));
    }
  }

  #use(pooled: PooledStream): void {
    const { request } = this.#plan;
    this.#pooled = pooled;
    pooled.user = this;
    this.#reader.expect(request.method, request.upgrade !== undefined);
    pooled.stream.write(requestHead(request), 'latin1');
    if (request.upload !== 'none' && request.upload !== 0)
      this.#upload = new Upload(this.#visit, pooled.stream, {
        chunked: request.upload === 'chunked',
        idleMs: this.#plan.uploadIdleMs,
        onIdle: () => this.#fail(new PosternError('request-timeout', 'nothing more of the body')),
      });
  }

  /** The visitor has read what was written: on with the response. */
  visitorDrained(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#pooled?.stream.resume();
  }

  /** The visitor left, or broke the protocol: the notebook needs not go on. */
  visitorGone(code: ErrorCode): void {
    if (this.#over) return;
    this.#over = true;
    this.#leaveQueue();
    this.#detach()?.abort('stream-cancelled');
    this.#upload?.stop();
    this.#visit.done(code);
  }

  /** The visitor may not be here any more: what runs is cut, another protocol included. */
  cutOff(error: PosternError): void {
    this.#switched?.abort('stream-cancelled');
    if (this.#over) return;
    this.#over = true;
    this.#leaveQueue();
    this.#detach()?.abort('stream-cancelled');
    this.#upload?.stop();
    if (!this.#begun) return this.#visit.refuse(error);
    this.#visit.cut();
    this.#visit.done(error.code);
  }

  /** A link of theirs is lost, and nobody knows for how long. An answer that has begun, and an upload under way, go on when it is back. */
  giveUpWaiting(dialers: ReadonlySet<Dialer>): void {
    const { dialer } = this.#plan.destination;
    if (this.#over || this.#reader.started || !dialers.has(dialer)) return;
    if (this.#upload?.complete === false) return;
    if (dialer.outwaited?.(this.#pooled?.stream) === false) return;
    this.#leaveQueue();
    this.#fail(new PosternError('tunnel-paused'));
  }

  // --- from the stream ---------------------------------------------------------------------------------------------

  onData(chunk: Buffer): void {
    try {
      this.#reader.read(chunk);
      if (!this.#over) this.#flush();
    } catch (error) {
      this.#fail(asPosternError(error));
    }
  }

  onEnd(): void {
    try {
      this.#reader.finish();
    } catch (error) {
      this.#fail(asPosternError(error));
    }
  }

  onDrain(): void {
    this.#plan.traffic?.moved();
    this.#upload?.resume();
  }

  onGone(error: Error | undefined): void {
    const cause = error ?? new PosternError('upstream-closed');
    const ours = asPosternError(cause, 'upstream-failed');
    this.#fail(ours.code === 'stream-cancelled' ? new PosternError('upstream-closed', undefined, { cause }) : ours);
  }

  // --- from the reader ---------------------------------------------------------------------------------------------

  onInterim(head: ResponseHead): void {
    this.#visit.inform(head.status, responseHeaders(head, this.#plan.host, false));
  }

  onHead(head: ResponseHead): void {
    const noticed = this.#plan.notice === true ? withNotice(head) : undefined;
    this.#noticed = noticed !== undefined;
    this.#head = noticed ?? head;
  }

  onBody(slice: Buffer): void {
    if (this.#pending !== undefined) this.#write(this.#pending);
    this.#pending = slice;
  }

  onComplete(rawTrailers: readonly string[], rest: Buffer): void {
    const head = this.#head as ResponseHead;
    if (head.status === 101) return this.#switch(head, rest);
    this.#begin();
    this.#over = true;
    const pending = this.#noticed ? Buffer.concat([this.#pending ?? Buffer.alloc(0), NOTICE]) : this.#pending;
    this.#pending = undefined;
    if (pending !== undefined) this.bytesOut += pending.length;
    this.#settle(head, rest);
    this.#visit.end(pending, passingTrailers(rawTrailers));
    this.#visit.done(undefined);
  }

  // --- inside ------------------------------------------------------------------------------------------------------

  /** What becomes of the stream after a complete response. */
  #settle(head: ResponseHead, rest: Buffer): void {
    const pooled = this.#detach();
    const early = this.#upload !== undefined && !this.#upload.complete;
    if (early) this.#upload?.stop();
    if (pooled === undefined) return;
    if (this.#paused) pooled.stream.resume();
    if (rest.length > 0) pooled.abort('upstream-response-invalid');
    else if (early || !head.keepAlive || this.#plan.request.upgrade !== undefined) pooled.abort('stream-cancelled');
    else this.#plan.streams.give(pooled, head.keepAliveMs);
  }

  #switch(head: ResponseHead, rest: Buffer): void {
    this.#over = true;
    const pooled = this.#pooled as PooledStream;
    this.#pooled = undefined;
    const stream = pooled.release();
    stream.pause();
    this.#switched = stream;
    this.#visit.switchProtocols(head, rest, stream);
  }

  #begin(): void {
    if (this.#begun) return;
    const head = this.#head as ResponseHead;
    this.#visit.begin(head, responseHeaders(head, this.#plan.host, this.#visit.mayTrail));
    this.#begun = true;
  }

  #write(chunk: Buffer): void {
    this.#begin();
    this.#flushed = true;
    this.bytesOut += chunk.length;
    this.#plan.traffic?.moved();
    if (this.#visit.write(chunk) || this.#paused) return;
    this.#paused = true;
    this.#pooled?.stream.pause();
  }

  /** Nothing waits for more than the chunk it came in: an event or a long poll's head goes out at once. */
  #flush(): void {
    const pending = this.#pending;
    if (pending !== undefined) {
      this.#pending = undefined;
      this.#write(pending);
    } else if (this.#head !== undefined && !this.#flushed) {
      this.#begin();
      this.#flushed = true;
      this.#visit.flush();
    }
  }

  #fail(error: PosternError): void {
    if (this.#over) return;
    const pooled = this.#detach();
    if (pooled !== undefined && !pooled.gone)
      pooled.abort(error.code === 'upstream-closed' ? 'stream-cancelled' : error.code);
    if (this.#mayRetry(pooled, error)) return this.#retry();
    this.#over = true;
    this.#upload?.stop();
    if (!this.#begun) return this.#visit.refuse(error);
    if (this.#pending !== undefined) this.#write(this.#pending);
    this.#visit.cut();
    this.#visit.done(error.code);
  }

  /** Once, because only a reused stream is tried again, by a new one: the upstream may have closed it as the request went out. */
  #mayRetry(pooled: PooledStream | undefined, error: PosternError): boolean {
    const { request } = this.#plan;
    if (pooled === undefined || !pooled.reused || this.#reader.started) return false;
    if (error.code === 'upstream-response-invalid' || error.code === 'tunnel-paused') return false;
    return this.#upload === undefined && IDEMPOTENT.has(request.method);
  }

  #retry(): void {
    try {
      this.#use(this.#plan.streams.open(this.#plan.destination));
    } catch (error) {
      this.#over = true;
      this.#visit.refuse(asPosternError(error));
    }
  }

  #detach(): PooledStream | undefined {
    const pooled = this.#pooled;
    this.#pooled = undefined;
    if (pooled !== undefined) pooled.user = undefined;
    return pooled;
  }
}

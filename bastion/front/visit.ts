// One request of a visitor and the way to answer it, whatever version of HTTP it came in: what reception, gate and log see of it.

import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';

import { asPosternError, type ErrorCode, type PosternError } from '../../shared/errors.ts';
import type { Exchange, Visit } from '../forward/exchange.ts';
import type { Upload } from '../forward/headers.ts';
import type { ResponseHead } from '../forward/response-head.ts';
import type { UpstreamStream } from '../forward/stream-pool.ts';
import type { ExchangeRecord, Protocol } from './exchange-record.ts';
import type { VisitedPlace } from './hostname.ts';
import type { Presence } from './presence.ts';
import { refusal, type Answer, type Refused } from './refusal.ts';
import { watchSwitched, type SwitchedTraffic, type TrafficSink } from '../forward/switched-traffic.ts';
import { newRequestId } from './request-id.ts';

const NOWHERE = { name: '', service: '' };

/** What a visit needs of the connection it came on. */
export interface VisitHost {
  readonly address: string;
  /** The connection is to end as soon as it can. */
  readonly leaving: boolean;
  onRecord(record: ExchangeRecord): void;
  /** The visit is over: the next request may begin. */
  next(visit: FrontVisit): void;
}

/** What a request asks for, once it was found to mean one thing only. */
export interface Asked {
  readonly method: string;
  /** The path and query exactly as they came. */
  readonly target: string;
  readonly rawHeaders: readonly string[];
  readonly upload: Upload;
  /** The protocol to switch to, when the request is to be forwarded as an upgrade. */
  readonly upgrade: string | undefined;
}

export abstract class FrontVisit implements Visit {
  abstract readonly protocol: Protocol;
  /** Method and target as they came, for the log. */
  abstract readonly method: string;
  abstract readonly url: string;
  /** What the gate looks at; `host` is where the request leads, in every version of HTTP. */
  abstract readonly headers: IncomingHttpHeaders;
  abstract readonly body: Readable;
  abstract readonly bodyTrailers: readonly string[];
  abstract readonly mayTrail: boolean;

  readonly host: VisitHost;
  readonly upgrade: boolean;
  readonly requestId = newRequestId();
  /** The visitor's, once it is known who that is; until then, that of the other end. */
  address: string;
  exchange: Exchange | undefined;
  /** The name and service asked for, once the host has been read, and who was let in. */
  place: VisitedPlace | undefined;
  visitor: string | undefined;
  /** Where to sign in, for the pages that this visit may end with. */
  signIn: Refused['signIn'];
  over = false;
  /** On a right that may end before it does. */
  presence: Presence | undefined;
  /** Of the tunnel that it was admitted to. */
  traffic: TrafficSink | undefined;
  /** It carries another protocol now. */
  switched = false;
  protected status = 0;
  readonly #startedAt = performance.now();
  #ownBytes = 0;

  constructor(host: VisitHost, upgrade: boolean) {
    this.host = host;
    this.address = host.address;
    this.upgrade = upgrade;
  }

  /** The host that the request asks for, with its port; throws PosternError `request-ambiguous`. */
  abstract readHost(): string;
  /** The rest of what it asks; throws PosternError `request-ambiguous` or `header-too-large`. */
  abstract read(host: string): Asked;

  abstract inform(status: number, rawHeaders: string[]): void;
  abstract begin(head: ResponseHead, rawHeaders: string[]): void;
  abstract write(chunk: Buffer): boolean;
  abstract flush(): void;
  abstract end(chunk: Buffer | undefined, rawTrailers: readonly string[]): void;
  abstract switchProtocols(head: ResponseHead, rest: Buffer, stream: UpstreamStream): void;
  abstract cut(): void;
  /** Sends the whole of a page of ours. */
  protected abstract send(answer: Answer): void;

  get waitedMs(): number {
    return performance.now() - this.#startedAt;
  }

  refuse(error: PosternError): void {
    if (this.over) return;
    const { method, headers, requestId, signIn } = this;
    this.answer(refusal(error, { method, accept: headers.accept, requestId, signIn }), error.code);
  }

  /** Sends a page of ours; `code` when it is a refusal. */
  answer(answer: Answer, code?: ErrorCode): void {
    if (this.over) return;
    this.status = answer.status;
    this.#ownBytes = answer.body.length;
    this.send(answer);
    this.done(code);
  }

  done(code: ErrorCode | undefined): void {
    if (this.over) return;
    this.over = true;
    this.presence?.over();
    this.host.onRecord(this.record(code));
    this.host.next(this);
  }

  /** Whatever was thrown on the way, as the page for it. */
  failed(error: unknown): void {
    this.refuse(asPosternError(error));
  }

  /** The visitor is gone, or can't be understood any more. */
  gone(code: ErrorCode): void {
    if (this.exchange === undefined) this.done(code);
    else this.exchange.visitorGone(code);
  }

  /** What follows its switch to another protocol. */
  protected watch(webSocket: boolean): SwitchedTraffic | undefined {
    return this.traffic === undefined ? undefined : watchSwitched(this.traffic, webSocket);
  }

  /** The end of a switched visit, with the bytes of its new protocol. */
  protected switchedBack(status: number, bytesIn: number, bytesOut: number): void {
    this.over = true;
    this.presence?.over();
    this.status = status;
    this.host.onRecord({ ...this.record(undefined), bytesIn, bytesOut });
    this.host.next(this);
  }

  protected record(code: ErrorCode | undefined): ExchangeRecord {
    const { url } = this;
    const query = url.indexOf('?');
    return {
      requestId: this.requestId,
      ...(this.place === undefined ? NOWHERE : { name: this.place.name, service: this.place.service }),
      address: this.address,
      protocol: this.protocol,
      method: this.method,
      path: query < 0 ? url : url.slice(0, query),
      status: this.status,
      bytesIn: this.exchange?.bytesIn ?? 0,
      bytesOut: this.exchange === undefined ? this.#ownBytes : this.exchange.bytesOut + this.#ownBytes,
      durationMs: this.waitedMs,
      upgrade: this.upgrade,
      ...(this.visitor === undefined ? undefined : { visitor: this.visitor }),
      ...(code === undefined ? undefined : { code }),
    };
  }
}

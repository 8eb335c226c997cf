// A stream: one logical connection inside a session, as a Node Duplex whose back-pressure reaches the other end by credit.

import { Duplex } from 'node:stream';
import { PosternError, errorEntry, type ErrorCode } from '../errors.ts';
import { FRAME, FRAME_HEADER_BYTES } from '../wire/frame.ts';
import { writeEnd, writeNumber } from '../wire/encode.ts';
import type { ReceiveCredit, SendCredit } from './credit.ts';
import { Inbox } from './inbox.ts';
import { moved, receives, type StreamMove, type StreamState } from './stream-state.ts';
import type { Sender } from './turns.ts';

/** The few things a stream needs of its session. */
export interface StreamHost {
  now(): number;
  /** Milliseconds, the best guess there is. */
  readonly roundTripMs: number;
  /** The stream has data and credit: give it a turn. */
  wants(stream: Stream): void;
  /** The stream has CREDIT or RESET to send, which wait for no turn. */
  urgent(stream: Stream): void;
  /** A frame that goes out in order with OPEN, before the next data. */
  control(frame: Buffer): void;
  /** Calls back after `ms` unless the session ends first; answers how to cancel it. */
  after(ms: number, callback: () => void): () => void;
  /** The stream is destroyed: forget it. */
  gone(stream: Stream): void;
}

/** Bytes that a stream may send ahead of the others after its queue was empty for a while. */
const PRIORITY_BYTES = 64 * 1024;
const PRIORITY_PAUSE_MS = 20;
/** How long `fail` waits for the peer to take what is still queued. */
const FAIL_PATIENCE_MS = 30_000;
const HIGH_WATER_MARK = 64 * 1024;
/** Most bytes that CREDIT and RESET of one stream take in a message. */
export const URGENT_BYTES = 2 * (FRAME_HEADER_BYTES + 4);

export class Stream extends Duplex implements Sender {
  readonly id: number;
  /** Which service OPEN asked for, and the visitor's address it gave. */
  readonly service: string;
  readonly visitor: string;
  readonly #host: StreamHost;
  readonly #sendCredit: SendCredit;
  readonly receiveCredit: ReceiveCredit;
  #state: StreamState = 'open';

  #queue: Buffer[] = [];
  /** Bytes of the first chunk in the queue that have been sent. */
  #sentOfFirst = 0;
  #written: (() => void) | undefined;
  #ahead = 0;
  #emptySince = -Infinity;

  readonly #inbox = new Inbox();
  #wanted = false;
  #pushed = 0;
  #accounted = 0;

  #creditDue = 0;
  #resetDue: ErrorCode | undefined;
  #abortCode: ErrorCode | undefined;
  #failCode: ErrorCode | undefined;
  /** The peer's RESET, kept until everything before it has been read. */
  #peerReset: PosternError | undefined;
  #cancelPatience: (() => void) | undefined;

  constructor(
    host: StreamHost,
    opening: { id: number; service: string; visitor: string },
    credit: { send: SendCredit; receive: ReceiveCredit },
  ) {
    super({ allowHalfOpen: true, readableHighWaterMark: HIGH_WATER_MARK, writableHighWaterMark: HIGH_WATER_MARK });
    this.id = opening.id;
    this.service = opening.service;
    this.visitor = opening.visitor;
    this.#host = host;
    this.#sendCredit = credit.send;
    this.receiveCredit = credit.receive;
  }

  /** True for the session that it is a stream of. */
  isOf(host: StreamHost): boolean {
    return this.#host === host;
  }

  /** RESET now: what is queued here is dropped, and the stream is destroyed without an 'error'. */
  abort(code: ErrorCode): void {
    this.#abortCode ??= code;
    this.destroy();
  }

  /** RESET after everything written so far has been sent, or after 30 s in which the peer gave no credit for it. */
  fail(code: ErrorCode): void {
    if (this.destroyed || this.#failCode !== undefined) return;
    // END has been sent: nothing is queued that the RESET would have to wait for.
    if (this.#state !== 'open' && this.#state !== 'remote-ended') return this.abort(code);
    this.#failCode = code;
    this.#beginPatience(code);
    this.end();
  }

  #beginPatience(code: ErrorCode): void {
    this.#cancelPatience?.();
    this.#cancelPatience = this.#host.after(FAIL_PATIENCE_MS, () => this.abort(code));
  }

  // --- sending -----------------------------------------------------------------------------------------------------

  /** Bytes left to send ahead of others. */
  get prioritised(): boolean {
    return this.#ahead > 0;
  }

  /** True while there is something to send that the peer has room for. */
  get sendable(): boolean {
    return this.#queue.length > 0 && this.#sendCredit.left > 0;
  }

  /** There is something to send, and the peer has no room for it. */
  get stalled(): boolean {
    return this.#queue.length > 0 && this.#sendCredit.left === 0;
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, written: () => void): void {
    if (this.#queue.length === 0) this.#refillPriority();
    if (chunk.length > 0) this.#queue.push(chunk);
    this.#await(written);
  }

  override _writev(chunks: { chunk: Buffer }[], written: () => void): void {
    if (this.#queue.length === 0) this.#refillPriority();
    for (const { chunk } of chunks) if (chunk.length > 0) this.#queue.push(chunk);
    this.#await(written);
  }

  override _final(done: () => void): void {
    if (this.#failCode !== undefined) {
      this.#abortCode ??= this.#failCode;
      this.destroy();
    } else if (this.#move('end-sent')) {
      const frame = Buffer.allocUnsafe(FRAME_HEADER_BYTES);
      writeEnd(frame, 0, this.id);
      this.#host.control(frame);
    }
    done();
  }

  /** Copies up to `longest` queued bytes, within the credit, to `into` at `at`; answers how many. */
  takeQueued(into: Buffer, at: number, longest: number): number {
    const most = Math.min(longest, this.#sendCredit.left);
    let taken = 0;
    let whole = 0;
    while (taken < most && whole < this.#queue.length) {
      const chunk = this.#queue[whole] as Buffer;
      const copied = chunk.copy(into, at + taken, this.#sentOfFirst, this.#sentOfFirst + most - taken);
      taken += copied;
      this.#sentOfFirst += copied;
      if (this.#sentOfFirst < chunk.length) break;
      whole++;
      this.#sentOfFirst = 0;
    }
    if (whole === this.#queue.length) this.#queue = [];
    else if (whole > 0) this.#queue.splice(0, whole);
    this.#sendCredit.take(taken);
    this.#ahead -= taken;
    return taken;
  }

  /** Tells the writer that its chunk has been taken; after the message is built, since it may write again at once. */
  settle(): void {
    if (this.#queue.length > 0 || this.#written === undefined) return;
    const written = this.#written;
    this.#written = undefined;
    this.#emptySince = this.#host.now();
    written();
  }

  /** Writes what waits for no turn (at most URGENT_BYTES) and answers the offset behind it. */
  writeUrgent(into: Buffer, at: number): number {
    let end = at;
    if (this.#creditDue > 0 && this.#resetDue === undefined) {
      end = writeNumber(into, end, { type: FRAME.CREDIT, stream: this.id, value: this.#creditDue });
    }
    this.#creditDue = 0;
    if (this.#resetDue !== undefined) {
      end = writeNumber(into, end, { type: FRAME.RESET, stream: this.id, value: errorEntry(this.#resetDue).wire });
    }
    this.#resetDue = undefined;
    return end;
  }

  #await(written: () => void): void {
    // The peer takes no more, and says so once its last bytes have been read.
    if (this.#state === 'reset') this.#queue = [];
    if (this.#queue.length === 0) return written();
    this.#written = written;
    if (this.#sendCredit.left > 0) this.#host.wants(this);
  }

  #refillPriority(): void {
    const pause = Math.max(2 * this.#host.roundTripMs, PRIORITY_PAUSE_MS);
    if (this.#host.now() - this.#emptySince >= pause) this.#ahead = PRIORITY_BYTES;
  }

  // --- receiving ---------------------------------------------------------------------------------------------------

  /** DATA from the peer. Throws `credit-exceeded`, or `protocol-error` after END. */
  received(payload: Buffer): void {
    if (!receives(this.#state)) {
      if (this.#state === 'reset') return;
      throw new PosternError('protocol-error', 'DATA after END');
    }
    this.receiveCredit.arrived(payload.length);
    // Whoever reads right now gets the bytes as they lie in the read buffer; what has to wait is kept compactly.
    if (this.#wanted && this.#inbox.empty && this.readableFlowing === true && this.readableLength === 0) {
      this.#push(payload);
    } else {
      this.#inbox.add(payload);
      this.#deliver();
    }
    this.#account();
  }

  /** END from the peer. Throws `protocol-error` when it comes twice. */
  receivedEnd(): void {
    if (this.#state === 'reset') return;
    if (!this.#move('end-received')) throw new PosternError('protocol-error', 'END twice');
    this.#deliver();
  }

  /** CREDIT from the peer. Throws `credit-overflow` or `protocol-error`. */
  receivedCredit(bytes: number): void {
    this.#sendCredit.grant(bytes);
    if (this.#failCode !== undefined) this.#beginPatience(this.#failCode);
    if (this.#queue.length > 0) this.#host.wants(this);
  }

  /** RESET from the peer, or the end of the session: an error once everything that came before it has been read. */
  receivedReset(error: PosternError): void {
    // With END in both directions everything is here already, even if it has not been read.
    if (!this.#move('reset')) return;
    this.#peerReset = error;
    this.#queue = [];
    this.settle();
    this.#deliver();
    this.#account();
  }

  override _read(): void {
    this.#wanted = true;
    this.#deliver();
  }

  override read(size?: number): unknown {
    const chunk: unknown = super.read(size);
    this.#account();
    return chunk;
  }

  #deliver(): void {
    while (this.#wanted && !this.#inbox.empty) this.#push(this.#inbox.take());
    if (this.#inbox.empty && (this.#state === 'remote-ended' || this.#state === 'ended') && !this.readableEnded) {
      this.push(null);
    }
  }

  #push(payload: Buffer): void {
    this.#pushed += payload.length;
    this.#wanted = this.push(payload);
  }

  /** Returns credit for what the reader has really taken, which is what was pushed less what Node still buffers. */
  #account(): void {
    const consumed = this.#pushed - this.readableLength - this.#accounted;
    if (consumed > 0) {
      this.#accounted += consumed;
      // When nothing more can come the window stays as it is: it may have been given back to the budget already.
      if (receives(this.#state)) this.#returnCredit(consumed);
    }
    if (this.#peerReset !== undefined && this.#inbox.empty && this.readableLength === 0) this.destroy(this.#peerReset);
  }

  #returnCredit(consumed: number): void {
    const grant = this.receiveCredit.consume(consumed, this.#host.now(), this.#host.roundTripMs);
    if (grant === 0) return;
    this.#creditDue += grant;
    this.#host.urgent(this);
  }

  // --- the end -----------------------------------------------------------------------------------------------------

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#cancelPatience?.();
    this.#queue = [];
    this.#inbox.clear();
    if (this.#state !== 'ended' && this.#move('reset')) {
      this.#resetDue = this.#abortCode ?? (error instanceof PosternError ? error.code : 'stream-cancelled');
      this.#host.urgent(this);
    }
    this.#host.gone(this);
    done(error);
  }

  #move(move: StreamMove): boolean {
    const next = moved(this.#state, move);
    if (next === undefined) return false;
    this.#state = next;
    return true;
  }
}

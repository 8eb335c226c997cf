// A session: many streams over one link, at either end.

import { PosternError, asPosternError, codeFromWire, errorEntry, type ErrorCode } from '../errors.ts';
import { decodeFarewell, decodeFrame, decodeOpening, type FrameView } from '../wire/decode.ts';
import { farewellPayload, frameOf, openingPayload } from '../wire/encode.ts';
import { FRAME, MAX_CREDIT, MAX_DATA_BYTES, SERVICE_NAME } from '../wire/frame.ts';
import { decodeInfo, type Info } from '../wire/handshake.ts';
import { Budget } from './budget.ts';
import { systemClock, type Clock } from './clock.ts';
import { ReceiveCredit, SendCredit } from './credit.ts';
import { FloodLimit } from './flood.ts';
import { Keepalive } from './keepalive.ts';
import type { Link, LinkListener } from './link.ts';
import { Outbox, transientMessage } from './outbox.ts';
import { Recent } from './recent.ts';
import { RoundTrip } from './round-trip.ts';
import type { GoAway, SessionOptions } from './session-options.ts';
import { StreamIds } from './stream-ids.ts';
import { Stream, type StreamHost } from './stream.ts';
import { Timers } from './timers.ts';

const LONGEST_WINDOW = 16 * 1024 * 1024;
/** Unless the owner of the session says otherwise, at least this. */
const SESSION_BUDGET = 64 * 1024 * 1024;
/** Taken for the round trip until one has been measured. */
const ASSUMED_ROUND_TRIP_MS = 50;
/** How long `close` waits for the peer to acknowledge the last frames. */
const LINGER_MS = 5_000;

export type { GoAway, SessionOptions };

export class Session implements StreamHost {
  readonly closed: Promise<PosternError>;
  readonly #link: Link;
  readonly #options: SessionOptions;
  readonly #clock: Clock;
  readonly #budget: Budget;
  readonly #outbox: Outbox;
  readonly #keepalive: Keepalive;
  readonly #roundTrip: RoundTrip;
  readonly #flood: FloodLimit;
  readonly #arrived = new Recent();
  readonly #streams = new Map<number, Stream>();
  readonly #view: FrameView = { type: 0, stream: 0, start: 0, end: 0 };
  readonly #timers: Timers;
  readonly #ids: StreamIds;
  #settleClosed!: (error: PosternError) => void;
  #opened = 0;
  #draining: ErrorCode | undefined;
  #saidGoAway = false;
  #error: PosternError | undefined;
  #drained: (() => void) | undefined;
  #bytesIn = 0;
  #late = 0;

  constructor(link: Link, options: SessionOptions) {
    this.#link = link;
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    // Half of it is for windows that grow: the other half holds what was promised in the handshake.
    const promised = options.own.credit * options.own.streams;
    this.#budget = options.budget ?? new Budget(Math.max(SESSION_BUDGET, 2 * promised));
    this.#outbox = new Outbox(link, this.#clock, options.path);
    this.#roundTrip = new RoundTrip(this.#clock);
    this.#flood = new FloodLimit(this.#clock, options.floodFrames);
    this.#timers = new Timers(this.#clock);
    this.#ids = new StreamIds(options.role, options.highestId);
    this.closed = new Promise((resolve) => (this.#settleClosed = resolve));
    this.#keepalive = new Keepalive(
      {
        heard: () => link.heard,
        waiting: () => link.unacknowledged > 0,
        roundTripMs: () => this.roundTripMs,
        ping: () => this.#sendPing(),
        dead: () => link.lose(new PosternError('link-dead')),
      },
      this.#clock,
      { impatient: options.role === 'agent', random: Math.random() },
    );
    link.listen(this.#listener());
    this.#sendPing();
  }

  /**
   * A new stream, at once; the peer's refusal comes as its error. Throws `stream-limit`, `draining`, `session-closed`, or
   * `service-unknown` for what can't be the name of a service.
   */
  open({ service, visitor }: { service: string; visitor: string }): Stream {
    if (this.#error !== undefined) throw new PosternError('session-closed');
    if (this.#ids.exhausted) this.goAway({ code: 'draining', reconnectAfterMs: 0 });
    if (this.#draining !== undefined) throw new PosternError('draining', this.#draining);
    if (!SERVICE_NAME.test(service)) throw new PosternError('service-unknown', service);
    if (this.full) throw new PosternError('stream-limit');
    const credit = this.#budget.open(this.#options.own.credit);
    if (credit === 0) throw new PosternError('stream-limit', 'the budget of unread bytes is used up');
    const id = this.#ids.take();
    this.#outbox.control(frameOf(FRAME.OPEN, id, openingPayload({ service, visitor, credit })));
    return this.#add({ id, service, visitor }, credit, this.#options.peer.credit);
  }

  /** Throws `internal` for what is longer than an INFO frame may be. */
  sendInfo(info: Info): void {
    const payload = Buffer.from(JSON.stringify(info));
    if (payload.length > MAX_DATA_BYTES) throw new PosternError('internal', `INFO ${info.type} is too long`);
    this.#outbox.control(frameOf(FRAME.INFO, 0, payload));
  }

  /** Tells the peer to open no more streams here; those that are open go on. */
  goAway(goAway: GoAway): void {
    if (this.#saidGoAway || this.#error !== undefined) return;
    this.#sayGoAway(goAway);
  }

  #sayGoAway({ code, reconnectAfterMs, alternatives = [] }: GoAway): void {
    this.#saidGoAway = true;
    this.#draining ??= code;
    const payload = farewellPayload({ reason: errorEntry(code).wire, reconnectAfterMs, alternatives });
    this.#outbox.control(frameOf(FRAME.GOAWAY, 0, payload));
  }

  /** True once either end has said that no new streams start here. */
  get draining(): boolean {
    return this.#draining !== undefined;
  }

  /** Says GOAWAY unless that was done; resolves when every stream has ended and the peer has everything; then the link is closed. */
  async close(): Promise<void> {
    this.goAway({ code: 'session-closed', reconnectAfterMs: 0 });
    if (this.#streams.size > 0 && this.#error === undefined) {
      await Promise.race([new Promise<void>((resolve) => (this.#drained = resolve)), this.closed]);
    }
    this.#outbox.flush();
    await Promise.race([this.#acknowledged(), this.closed]);
    this.destroy(new PosternError('session-closed'));
    await this.closed;
  }

  /** Ends everything now: streams get `error`, the link is closed. */
  destroy(error: PosternError): void {
    this.#end(error);
    this.#link.destroy(error);
  }

  /** Streams open now. */
  get streams(): number {
    return this.#streams.size;
  }

  /** As many streams are open as the other end takes. */
  get full(): boolean {
    return this.#streams.size >= this.#options.peer.streams;
  }

  /** Bytes that moved within the last half to whole second, both ways. */
  get recentBytes(): number {
    const now = this.#clock.now();
    return this.#arrived.at(now) + this.#outbox.recent.at(now);
  }

  /** For how long the oldest message sent has not been acknowledged, in milliseconds. */
  get unansweredMs(): number {
    return this.#outbox.flight.unansweredMs(this.#clock.now());
  }

  get stats() {
    return {
      bytesIn: this.#bytesIn,
      bytesOut: this.#outbox.bytes,
      streamsOpened: this.#opened,
      lateFrames: this.#late,
      grantedBytes: this.#budget.granted,
      unacknowledgedBytes: this.#link.unacknowledged,
      flightCapBytes: this.#outbox.flight.cap,
      roundTripMs: this.#roundTrip.ms,
    };
  }

  /** Streams that stand still for want of credit: `out`, the peer's reader is slow; `in`, ours is. Looks at every stream. */
  get stalled(): { in: number; out: number } {
    const streams = [...this.#streams.values()];
    return {
      in: streams.filter(({ receiveCredit }) => receiveCredit.left === 0).length,
      out: streams.filter((stream) => stream.stalled).length,
    };
  }

  // --- what the link tells -----------------------------------------------------------------------------------------

  #listener(): LinkListener {
    return {
      message: (frames) => {
        this.#arrived.add(frames.length, this.#clock.now());
        this.#read(frames, false);
        if (this.#roundTrip.due) this.#sendPing();
      },
      transient: (frames) => this.#read(frames, true),
      drain: () => {
        this.#outbox.progress();
        if (this.#roundTrip.due || (this.#outbox.flight.probing && !this.#roundTrip.underWay)) this.#sendPing();
      },
      replaced: () => {
        this.#outbox.flight.restarted(this.#link.unacknowledged, this.#clock.now());
        this.#keepalive.restart();
        this.#sendPing();
        this.#outbox.flush();
      },
      close: (error) => this.#end(error),
    };
  }

  // --- what streams ask --------------------------------------------------------------------------------------------

  now(): number {
    return this.#clock.now();
  }

  get roundTripMs(): number {
    return this.#roundTrip.ms ?? ASSUMED_ROUND_TRIP_MS;
  }

  wants(stream: Stream): void {
    this.#outbox.wants(stream);
  }

  urgent(stream: Stream): void {
    this.#outbox.urgent(stream);
  }

  control(frame: Buffer): void {
    this.#outbox.control(frame);
  }

  after(ms: number, callback: () => void): () => void {
    return this.#timers.after(ms, callback);
  }

  gone(stream: Stream): void {
    this.#outbox.forget(stream);
    if (!this.#streams.delete(stream.id)) return;
    const { initial, window } = stream.receiveCredit;
    this.#budget.release(initial, window - initial);
    if (this.#streams.size === 0) this.#drained?.();
  }

  // --- frames ------------------------------------------------------------------------------------------------------

  #read(frames: Buffer, transient: boolean): void {
    if (this.#error !== undefined) return;
    try {
      if (frames.length === 0) throw new PosternError('protocol-error', 'a counted message without frames');
      for (let offset = 0; offset < frames.length;) {
        const next = decodeFrame(frames, offset, this.#view);
        if (next < 0) throw new PosternError('protocol-error', 'a message ends inside a frame');
        offset = next;
        this.#dispatch(frames, transient);
        // A reader that was called may have ended the session.
        if (this.#error !== undefined) return;
      }
    } catch (error) {
      // What is not one of ours was thrown by a listener of this end: the peer is not to blame.
      this.#violated(asPosternError(error));
    }
  }

  #dispatch(frames: Buffer, transient: boolean): void {
    const { type, stream: id, start, end } = this.#view;
    if (type === 0) return;
    if (transient !== (type === FRAME.PING || type === FRAME.PONG)) {
      throw new PosternError('protocol-error', `frame type ${type} in the wrong kind of message`);
    }
    if (type === FRAME.OPEN) return this.#accept(id, frames.subarray(start, end));
    if (id === 0) return this.#ofSession(type, frames.subarray(start, end));
    const stream = this.#streams.get(id);
    if (stream === undefined) return this.#lateFrame(id);
    if (type === FRAME.DATA) {
      this.#bytesIn += end - start;
      stream.received(frames.subarray(start, end));
    } else if (type === FRAME.END) stream.receivedEnd();
    else if (type === FRAME.CREDIT) stream.receivedCredit(frames.readUInt32BE(start));
    else stream.receivedReset(new PosternError(codeFromWire(frames.readUInt32BE(start))));
  }

  #ofSession(type: number, payload: Buffer): void {
    if (type === FRAME.PONG) return this.#ponged(payload);
    this.#flood.count();
    if (type === FRAME.GOAWAY) return this.#wentAway(payload);
    if (type === FRAME.PING) return this.#link.sendTransient(transientMessage(frameOf(FRAME.PONG, 0, payload)));
    const info = decodeInfo(payload);
    if (info !== undefined) this.#options.onInfo?.(info);
  }

  #accept(id: number, payload: Buffer): void {
    this.#ids.accept(id);
    const { service, visitor, credit } = decodeOpening(payload);
    if (credit > MAX_CREDIT) throw new PosternError('credit-overflow');
    const refusal = this.#refusal();
    // The opener counts on the credit of the handshake, so it is granted whole or the stream is refused.
    const claimed = refusal === undefined && this.#budget.claim(this.#options.own.credit);
    const stream = this.#add({ id, service, visitor }, claimed ? this.#options.own.credit : 0, credit);
    if (!claimed) return stream.abort(refusal ?? 'stream-limit');
    this.#options.onStream?.(stream);
  }

  #refusal(): ErrorCode | undefined {
    if (this.#options.onStream === undefined) {
      // Each refusal has to be kept until the peer acknowledges it, which it might never do.
      this.#flood.count();
      return 'service-unknown';
    }
    // GOAWAY of ours and OPEN of theirs may cross: what was on its way before it knew is still served.
    return this.#streams.size >= this.#options.own.streams ? 'stream-limit' : undefined;
  }

  #add(opening: { id: number; service: string; visitor: string }, granted: number, allowed: number): Stream {
    const longest = this.#options.longestWindow ?? LONGEST_WINDOW;
    const window = { window: granted, longest, now: this.#clock.now() };
    const receive = new ReceiveCredit(window, this.#budget);
    const stream = new Stream(this, opening, { send: new SendCredit(allowed), receive });
    this.#streams.set(opening.id, stream);
    this.#opened++;
    return stream;
  }

  /** A stream that is over here but not yet there goes on sending for a while. One that never was is a violation. */
  #lateFrame(id: number): void {
    this.#ids.check(id);
    this.#late++;
  }

  #wentAway(payload: Buffer): void {
    const { reason, reconnectAfterMs, alternatives } = decodeFarewell(payload);
    const code = codeFromWire(reason);
    this.#draining ??= code;
    this.#options.onGoAway?.({ code, reconnectAfterMs, alternatives });
  }

  #sendPing(): void {
    this.#link.sendTransient(transientMessage(frameOf(FRAME.PING, 0, this.#roundTrip.ping())));
  }

  #ponged(payload: Buffer): void {
    const ms = this.#roundTrip.answered(payload);
    if (ms !== undefined) this.#outbox.flight.measured(ms, this.#clock.now());
  }

  // --- the end -----------------------------------------------------------------------------------------------------

  #violated(error: PosternError): void {
    this.#sayGoAway({ code: error.code, reconnectAfterMs: 0 });
    this.#outbox.flush();
    this.destroy(error);
  }

  async #acknowledged(): Promise<void> {
    const end = this.#clock.now() + LINGER_MS;
    while (this.#link.unacknowledged > 0 && this.#clock.now() < end) {
      await new Promise<void>((resolve) => this.after(10, resolve));
    }
  }

  #end(error: PosternError): void {
    if (this.#error !== undefined) return;
    this.#error = error;
    this.#keepalive.stop();
    this.#timers.clear();
    const cause =
      error.code === 'session-closed' ? error : new PosternError('session-closed', error.message, { cause: error });
    for (const stream of [...this.#streams.values()]) stream.receivedReset(cause);
    this.#outbox.close();
    this.#settleClosed(error);
  }
}

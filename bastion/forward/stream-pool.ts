// The streams of one visitor connection: idle ones wait here for its next request, and never for anybody else's.

import type { Duplex } from 'node:stream';

import type { ErrorCode } from '../../shared/errors.ts';
import { systemClock, type Clock } from '../../shared/mux/clock.ts';

/** What the exchange needs of a stream to the notebook. */
export interface UpstreamStream extends Duplex {
  /** RESET now: what is queued is dropped, and the stream is destroyed without an 'error'. */
  abort(code: ErrorCode): void;
}

/** Whatever opens streams to a notebook: a tunnel. */
export interface Dialer {
  /** Synchronous; throws PosternError stream-limit, draining, session-closed. */
  open(service: string, visitor: string): UpstreamStream;
  /** False: a new stream would do better than this idle one. Without it, every idle stream is as good as a new one. */
  keeps?(stream: UpstreamStream): boolean;
  /** The way to the notebook that the stream takes is broken, and has been for as long as visitors wait; without one, every way. */
  outwaited?(stream: UpstreamStream | undefined): boolean;
}

/** Where a stream leads, and on whose behalf. */
export interface Destination {
  readonly dialer: Dialer;
  readonly service: string;
  /** The visitor's identity: a connection may change it between two requests, by signing in. */
  readonly visitor: string;
  /** The visitor's IP address, as OPEN tells it. */
  readonly address: string;
  /** The next request of this connection may be somebody else's: its stream carries one exchange and no more. */
  readonly alone?: boolean;
}

/** Who hears what a stream does while it is in use. */
export interface StreamUser {
  onData(chunk: Buffer): void;
  onEnd(): void;
  onDrain(): void;
  /** Destroyed, by the other end's RESET (with its code) or by the end of the session. */
  onGone(error: Error | undefined): void;
}

/** Idle streams close after this long if the upstream announced nothing else ... */
const IDLE_MS = 30_000;
/** ... and this long before the end that it announced. */
const BEFORE_CLOSE_MS = 1000;
/** A request that must not be repeated goes only on a stream idle for less than this. */
const FRESH_MS = 1000;

/** A stream with the listeners that follow it through all its exchanges. */
export class PooledStream {
  readonly stream: UpstreamStream;
  readonly destination: Destination;
  user: StreamUser | undefined;
  /** It has carried an exchange before: the upstream may just be closing it. */
  reused = false;
  gone = false;
  idleSince = 0;
  idleUntil = 0;
  /** Called once, when the exchange that it was taken for needs it no more, in whatever way. */
  onFree: (() => void) | undefined;
  readonly #listeners: readonly (readonly [string, (argument: never) => void])[];

  constructor(stream: UpstreamStream, destination: Destination) {
    this.stream = stream;
    this.destination = destination;
    this.#listeners = [
      ['data', (chunk: Buffer) => this.#onData(chunk)],
      ['end', () => this.#onEnd()],
      ['drain', () => this.user?.onDrain()],
      ['error', (error: Error) => this.#onGone(error)],
      ['close', () => this.#onGone(undefined)],
    ];
    for (const [event, listener] of this.#listeners) stream.on(event, listener as () => void);
  }

  /** Leaves the stream to somebody else, without a listener of ours. */
  release(): UpstreamStream {
    this.user = undefined;
    for (const [event, listener] of this.#listeners) this.stream.off(event, listener as () => void);
    this.free();
    return this.stream;
  }

  abort(code: ErrorCode): void {
    this.user = undefined;
    this.gone = true;
    this.stream.abort(code);
    this.free();
  }

  free(): void {
    const { onFree } = this;
    this.onFree = undefined;
    onFree?.();
  }

  #onData(chunk: Buffer): void {
    if (this.user !== undefined) this.user.onData(chunk);
    else if (!this.gone) this.abort('upstream-response-invalid');
  }

  #onEnd(): void {
    if (this.user !== undefined) this.user.onEnd();
    else if (!this.gone) this.abort('stream-cancelled');
  }

  #onGone(error: Error | undefined): void {
    if (this.gone) return;
    this.gone = true;
    const user = this.user;
    this.user = undefined;
    user?.onGone(error);
    this.free();
  }
}

/** More idle streams than a connection may keep are kept this long: requests often come in bursts. */
const SURPLUS_MS = 1000;
/** And never more than this many. */
const MAX_SURPLUS = 32;

/** How many streams of one visitor connection may be there. */
export interface PoolLimits {
  /** Idle ones, together, in the long run. */
  readonly idle: number;
  /** In use at once for one destination; further requests queue. */
  readonly busy: number;
}

/** The streams in use for one destination, and the requests that wait for one. */
interface Lane {
  readonly destination: Destination;
  busy: number;
  readonly waiting: (() => void)[];
}

const NOTHING = (): void => {};

export class StreamPool {
  readonly #clock: Clock;
  readonly #limits: PoolLimits;
  /** As few as a connection has destinations. */
  #lanes: Lane[] = [];
  #idle: PooledStream[] = [];
  #timer: unknown;
  #surplusTimer: unknown;
  #closed = false;

  constructor(limits: PoolLimits, clock: Clock = systemClock) {
    this.#limits = limits;
    this.#clock = clock;
  }

  /**
   * Calls `go`, which is to `take` or `open`, as soon as the destination may have one more stream in use: at once, or when
   * another is free. Answers how to wait no longer.
   */
  queue(destination: Destination, go: () => void): () => void {
    const lane = this.#limits.busy === Infinity ? undefined : this.#laneTo(destination);
    if (lane === undefined || lane.busy < this.#limits.busy) {
      go();
      return NOTHING;
    }
    lane.waiting.push(go);
    return () => {
      const position = lane.waiting.indexOf(go);
      if (position >= 0) lane.waiting.splice(position, 1);
    };
  }

  /** An idle stream to the destination, or a new one; throws what `open` throws. `repeatable`: the request may be sent twice. */
  take(destination: Destination, repeatable: boolean): PooledStream {
    for (let index = destination.alone === true ? -1 : this.#idle.length - 1; index >= 0; index -= 1) {
      const pooled = this.#idle[index] as PooledStream;
      if (!sameDestination(pooled.destination, destination) || !this.#usable(pooled, repeatable)) continue;
      this.#idle.splice(index, 1);
      if (destination.dialer.keeps?.(pooled.stream) === false) {
        pooled.abort('stream-cancelled');
        continue;
      }
      pooled.reused = true;
      return this.#occupy(pooled);
    }
    return this.open(destination);
  }

  open(destination: Destination): PooledStream {
    const stream = destination.dialer.open(destination.service, destination.address);
    return this.#occupy(new PooledStream(stream, destination));
  }

  /** Takes back a stream whose exchange is complete; `keepAliveMs` is what the upstream announced. */
  give(pooled: PooledStream, keepAliveMs: number | undefined): void {
    const idleMs = Math.min(IDLE_MS, (keepAliveMs ?? Infinity) - BEFORE_CLOSE_MS);
    pooled.user = undefined;
    if (pooled.gone) return;
    if (this.#closed || idleMs <= 0 || pooled.destination.alone === true) return pooled.abort('stream-cancelled');
    pooled.idleSince = this.#clock.now();
    pooled.idleUntil = pooled.idleSince + idleMs;
    this.#idle.push(pooled);
    pooled.free();
    if (this.#idle.length > this.#limits.idle) this.#awaitTrim();
    if (this.#idle.length > this.#limits.idle + MAX_SURPLUS) this.#idle.shift()?.abort('stream-cancelled');
    // Armed once and left to run: a busy connection does not touch timers for each request.
    this.#timer ??= this.#clock.setTimeout(() => this.#sweep(), idleMs);
  }

  /** The visitor left: every idle stream closes. Idempotent. */
  close(): void {
    this.#closed = true;
    this.#clock.clearTimeout(this.#timer);
    this.#clock.clearTimeout(this.#surplusTimer);
    for (const pooled of this.#idle) if (!pooled.gone) pooled.abort('stream-cancelled');
    this.#idle = [];
    this.#lanes = [];
  }

  #laneTo(destination: Destination): Lane {
    const known = this.#lanes.find((lane) => sameDestination(lane.destination, destination));
    if (known !== undefined) return known;
    const lane = { destination, busy: 0, waiting: [] };
    this.#lanes.push(lane);
    return lane;
  }

  #occupy(pooled: PooledStream): PooledStream {
    if (this.#limits.busy === Infinity) return pooled;
    const lane = this.#laneTo(pooled.destination);
    lane.busy += 1;
    pooled.onFree = () => this.#freed(lane);
    return pooled;
  }

  /** Who waits goes first, and takes the stream that has just become idle. */
  #freed(lane: Lane): void {
    lane.busy -= 1;
    if (this.#closed) return;
    while (lane.busy < this.#limits.busy && lane.waiting.length > 0) lane.waiting.shift()?.();
    if (lane.busy === 0) this.#lanes = this.#lanes.filter((other) => other !== lane);
  }

  #usable(pooled: PooledStream, repeatable: boolean): boolean {
    if (pooled.gone || pooled.stream.destroyed) return false;
    const now = this.#clock.now();
    return now < pooled.idleUntil && (repeatable || now - pooled.idleSince < FRESH_MS);
  }

  /** The oldest are in front, and a stream that is used again and again is never there for long. */
  #trim(): void {
    this.#surplusTimer = undefined;
    const now = this.#clock.now();
    while (this.#idle.length > this.#limits.idle && now - (this.#idle[0] as PooledStream).idleSince >= SURPLUS_MS)
      this.#idle.shift()?.abort('stream-cancelled');
    if (this.#idle.length > this.#limits.idle) this.#awaitTrim();
  }

  #awaitTrim(): void {
    this.#surplusTimer ??= this.#clock.setTimeout(() => this.#trim(), SURPLUS_MS);
  }

  #sweep(): void {
    this.#timer = undefined;
    const now = this.#clock.now();
    const left = this.#idle.filter((pooled) => {
      if (!pooled.gone && pooled.idleUntil <= now) pooled.abort('stream-cancelled');
      return !pooled.gone;
    });
    this.#idle = left;
    if (left.length === 0) return;
    const next = Math.min(...left.map((pooled) => pooled.idleUntil));
    this.#timer = this.#clock.setTimeout(() => this.#sweep(), Math.max(1, next - now));
  }
}

function sameDestination(one: Destination, other: Destination): boolean {
  return one.dialer === other.dialer && one.service === other.service && one.visitor === other.visitor;
}

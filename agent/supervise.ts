// Keeps a session with the bastion alive: dials, dials again with back-off, moves when the bastion drains, ends when told to.

import type { Backoff } from '../shared/backoff.ts';
import { asPosternError, PosternError, type ErrorCode } from '../shared/errors.ts';
import type { Clock } from '../shared/mux/clock.ts';
import type { Acceptance, Info } from '../shared/wire/handshake.ts';
import { judge } from './judge.ts';

/**
 * idle: not started. dialling: an attempt is under way. serving: registered. waiting: until the next attempt.
 * replaced: a newer agent has the name, no more attempts. ended: closed, or refused for good.
 */
export const SUPERVISION_STATES = ['idle', 'dialling', 'serving', 'waiting', 'replaced', 'ended'] as const;
export type SupervisionState = (typeof SUPERVISION_STATES)[number];

const TRANSITIONS: Readonly<Record<SupervisionState, readonly SupervisionState[]>> = {
  idle: ['dialling', 'replaced', 'ended'],
  dialling: ['serving', 'waiting', 'replaced', 'ended'],
  serving: ['waiting', 'replaced', 'ended'],
  waiting: ['dialling', 'replaced', 'ended'],
  replaced: ['ended'],
  ended: [],
};

/** As much of a session as its supervisor needs. */
export interface SupervisedSession {
  readonly closed: Promise<PosternError>;
  sendInfo(info: Info): void;
  close(): Promise<void>;
  destroy(error: PosternError): void;
}

export interface Registered {
  readonly session: SupervisedSession;
  readonly acceptance: Acceptance;
}

/** Why the bastion wants this session to end, and after how many milliseconds the next may begin. */
export interface Farewell {
  readonly code: ErrorCode;
  readonly reconnectAfterMs: number;
}

/** One attempt to register; rejects with what `judge` can read. `onGoAway` may be called before it resolves. */
export type Dial = (signal: AbortSignal, onGoAway: (farewell: Farewell) => void) => Promise<Registered>;

/** For people, logs and whoever has something to tell each new session. None may throw. */
export interface SupervisionEvents {
  up(registered: Registered): void;
  /** An attempt failed. */
  failed(error: PosternError, waitMs: number): void;
  /** The session was lost, or is to be left. */
  lost(error: PosternError, waitMs: number): void;
  replaced(): void;
}

export interface SupervisorOptions {
  readonly dial: Dial;
  readonly backoff: Backoff;
  readonly clock: Clock;
  readonly random: () => number;
  readonly events: SupervisionEvents;
  /** The agent has registered before, over another of its links: no refusal is final any more. */
  readonly established?: boolean;
}

/** A session that lived this long starts the back-off anew, in milliseconds. */
const STABLE_MS = 60_000;
/** The longest wait while nothing listens at the bastion's address. */
const REFUSED_CAP_MS = 3_000;
/** A bastion can't send its agents away for longer than this; and what it said counts more than earlier failures. */
const LONGEST_FAREWELL_MS = 60_000;
const FAREWELL_JITTER_CAP_MS = 1_000;

/** One attempt and the session it led to. */
interface Leg {
  session: SupervisedSession | undefined;
  farewell: Farewell | undefined;
  upAt: number;
}

export class Supervisor {
  /** Why it ended for good: `session-closed` after close(), else the refusal. Never rejects. */
  readonly closed: Promise<PosternError>;
  readonly #options: SupervisorOptions;
  readonly #end = Promise.withResolvers<PosternError>();
  readonly #abort = new AbortController();
  /** The session in use, and those that the bastion asked us to leave, whose streams still run. */
  #current: Leg | undefined;
  readonly #leaving = new Set<Leg>();
  #state: SupervisionState = 'idle';
  #established: boolean;
  #timer: unknown;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#established = options.established ?? false;
    this.closed = this.#end.promise;
  }

  get state(): SupervisionState {
    return this.#state;
  }

  start(): void {
    this.#attempt();
  }

  /** To every session that lives; dropped when there is none, since each new one is told by the `up` event's listener. */
  sendInfo(info: Info): void {
    for (const leg of this.#legs()) leg.session?.sendInfo(info);
  }

  /** Another link of the agent was told that a newer agent has its name: no more attempts here either. Idempotent. */
  standBack(): void {
    if (this.#state === 'replaced' || this.#state === 'ended') return;
    this.#transition('replaced');
    this.#stopTrying(new PosternError('replaced'));
  }

  /** No more attempts; resolves when the streams of all sessions have ended. Idempotent. */
  async close(): Promise<void> {
    this.#finish(new PosternError('session-closed'));
    await Promise.all(this.#legs().flatMap((leg) => leg.session?.close() ?? []));
  }

  /** Now; idempotent. */
  destroy(error: PosternError): void {
    this.#finish(error);
    for (const leg of this.#legs()) leg.session?.destroy(error);
  }

  #legs(): Leg[] {
    return [...(this.#current === undefined ? [] : [this.#current]), ...this.#leaving];
  }

  #transition(to: SupervisionState): void {
    if (!TRANSITIONS[this.#state].includes(to))
      throw new PosternError('internal', `supervision cannot go from ${this.#state} to ${to}`);
    this.#state = to;
  }

  #finish(error: PosternError): void {
    if (this.#state === 'ended') return;
    this.#transition('ended');
    this.#stopTrying(error);
    this.#end.resolve(error);
  }

  #stopTrying(error: PosternError): void {
    this.#options.clock.clearTimeout(this.#timer);
    this.#abort.abort(error);
  }

  #attempt(): void {
    this.#transition('dialling');
    const leg: Leg = { session: undefined, farewell: undefined, upAt: 0 };
    this.#options
      .dial(this.#abort.signal, (farewell) => this.#sentAway(leg, farewell))
      .then(
        (registered) => this.#registered(leg, registered),
        (error: unknown) => this.#refused(asPosternError(error)),
      );
  }

  #registered(leg: Leg, registered: Registered): void {
    const { session } = registered;
    if (this.#state !== 'dialling') return session.destroy(new PosternError('session-closed'));
    this.#transition('serving');
    this.#established = true;
    leg.session = session;
    leg.upAt = this.#options.clock.now();
    this.#current = leg;
    void session.closed.then((error) => this.#gone(leg, error));
    // The next session stands: those that were only kept until now may end with their last stream.
    for (const old of this.#leaving) void old.session?.close();
    this.#options.events.up(registered);
    if (leg.farewell !== undefined) this.#sentAway(leg, leg.farewell);
  }

  #refused(error: PosternError): void {
    if (this.#state !== 'dialling') return;
    const verdict = judge(error);
    if (verdict.final && !this.#established) return this.#finish(error);
    if (verdict.replaced) return this.#replace();
    this.#options.events.failed(error, this.#wait(verdict.retryAfterMs, verdict.refused ? REFUSED_CAP_MS : undefined));
  }

  /** The bastion said GOAWAY: the next session is opened first, and this one left afterwards. */
  #sentAway(leg: Leg, farewell: Farewell): void {
    leg.farewell = farewell;
    if (leg !== this.#current || this.#state !== 'serving') return;
    this.#current = undefined;
    this.#leaving.add(leg);
    if (farewell.code === 'replaced') return this.#replace();
    this.#forgetFailures(leg);
    const floorMs = Math.min(farewell.reconnectAfterMs, LONGEST_FAREWELL_MS);
    this.#options.events.lost(new PosternError(farewell.code), this.#wait(floorMs, FAREWELL_JITTER_CAP_MS));
  }

  #gone(leg: Leg, error: PosternError): void {
    this.#leaving.delete(leg);
    if (leg !== this.#current) return;
    this.#current = undefined;
    if (this.#state !== 'serving') return;
    if (error.code === 'replaced') return this.#replace();
    this.#forgetFailures(leg);
    this.#options.events.lost(error, this.#wait(0));
  }

  #replace(): void {
    this.#transition('replaced');
    this.#options.events.replaced();
  }

  #forgetFailures(leg: Leg): void {
    if (this.#options.clock.now() - leg.upAt >= STABLE_MS) this.#options.backoff.reset();
  }

  /** Sets the timer for the next attempt, not before `floorMs`, and returns its milliseconds. */
  #wait(floorMs: number, capMs?: number): number {
    const { backoff, clock, random } = this.#options;
    // Everybody was told the same time: spread the return over a fifth of it.
    const waitMs = Math.max(backoff.next(capMs), Math.floor(floorMs * (1 + random() / 5)));
    this.#transition('waiting');
    this.#timer = clock.setTimeout(() => this.#attempt(), waitMs);
    return waitMs;
  }
}

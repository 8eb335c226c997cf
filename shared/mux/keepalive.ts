// Keepalive: PING after silence, and the verdict that a link is dead. Any byte received is life.

import type { Clock } from './clock.ts';

/** What liveness is judged by, and what follows from it. */
export interface Pulse {
  /** Total bytes received; only whether it changed matters. */
  heard(): number;
  /** Something sent has not been acknowledged, or somebody waits for an answer. */
  waiting(): boolean;
  /** Milliseconds. */
  roundTripMs(): number;
  ping(): void;
  dead(): void;
}

const IDLE = { pingMs: 10_000, deadMs: 25_000 };
/** The end that can dial again is impatient while something is under way: the sooner it does, the shorter the pause. */
const IMPATIENT = { pingMs: 2_000, deadMs: 5_000, deadRoundTrips: 8 };
/** The impatient end looks more often. */
const LOOK_MS = { impatient: 500, patient: 2_500 };
/** A look that comes this late means that the process or its host was suspended: silence counts from waking. */
const SUSPENDED_MS = 2_000;

export class Keepalive {
  readonly #pulse: Pulse;
  readonly #clock: Clock;
  readonly #lookMs: number;
  readonly #impatient: boolean;
  #timer: unknown;
  #lookedAt: number;
  #heard: number;
  #heardAt: number;
  #waitingSince: number | undefined;
  #pingedAt = -Infinity;
  /** Each session looks at its own pace, so that thousands do not ping in step. */
  #pace: number;

  /** `impatient`: this end can dial again (the agent). */
  constructor(pulse: Pulse, clock: Clock, options: { impatient: boolean; random: number }) {
    this.#pulse = pulse;
    this.#clock = clock;
    this.#impatient = options.impatient;
    this.#lookMs = options.impatient ? LOOK_MS.impatient : LOOK_MS.patient;
    this.#pace = 0.75 + options.random / 2;
    this.#heard = pulse.heard();
    this.#lookedAt = this.#heardAt = clock.now();
    this.#arm();
  }

  stop(): void {
    this.#clock.clearTimeout(this.#timer);
  }

  /** A new carrier: its silence begins now. */
  restart(): void {
    this.#heard = this.#pulse.heard();
    this.#heardAt = this.#clock.now();
    this.#waitingSince = undefined;
    this.#pingedAt = -Infinity;
  }

  #arm(): void {
    this.#timer = this.#clock.setTimeout(() => this.#look(), this.#lookMs * this.#pace);
  }

  #look(): void {
    this.#arm();
    const now = this.#clock.now();
    const suspended = now - this.#lookedAt > this.#lookMs * this.#pace + SUSPENDED_MS;
    this.#lookedAt = now;
    if (suspended || this.#pulse.heard() !== this.#heard) {
      this.#heard = this.#pulse.heard();
      this.#heardAt = now;
    }
    if (!this.#impatient || !this.#pulse.waiting()) this.#waitingSince = undefined;
    else this.#waitingSince ??= now;
    this.#judge(now);
  }

  #judge(now: number): void {
    const silence = now - this.#heardAt;
    // Silence before there was anything to answer says nothing: impatience counts from when it began.
    const waited = this.#waitingSince === undefined ? 0 : Math.min(silence, now - this.#waitingSince);
    const patience = Math.max(IMPATIENT.deadMs, IMPATIENT.deadRoundTrips * this.#pulse.roundTripMs());
    if (silence >= IDLE.deadMs || waited >= patience) return this.#pulse.dead();
    const pingDue = silence >= IDLE.pingMs || waited >= IMPATIENT.pingMs;
    const pingEvery = waited >= IMPATIENT.pingMs ? IMPATIENT.pingMs : IDLE.pingMs;
    if (!pingDue || now - this.#pingedAt < pingEvery) return;
    this.#pingedAt = now;
    this.#pulse.ping();
  }
}

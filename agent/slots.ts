// The agent's links side by side: each slot has a supervisor of its own, and the first leads the others to the bastion.

import type { Backoff } from '../shared/backoff.ts';
import type { PosternError } from '../shared/errors.ts';
import type { Clock } from '../shared/mux/clock.ts';
import type { Info } from '../shared/wire/handshake.ts';
import type { SlotDial } from './failover.ts';
import { Supervisor, type Dial, type Registered } from './supervise.ts';

/** What happens to one of the links; none may throw. */
export interface SlotEvents {
  up(slot: number, registered: Registered): void;
  failed(slot: number, error: PosternError, waitMs: number): void;
  lost(slot: number, error: PosternError, waitMs: number): void;
  /** Of all links at once. */
  replaced(): void;
}

export interface SlotsOptions {
  /** How many links, at least 1. */
  readonly count: number;
  readonly dial: SlotDial;
  backoff(): Backoff;
  readonly clock: Clock;
  readonly random: () => number;
  readonly events: SlotEvents;
}

/**
 * While no link has a session, slot 0 alone dials: so a bastion that was away sees one attempt of each agent, and all links
 * end up at the same one. Once one of them is up, each slot looks after itself.
 */
export class Slots {
  /** Why it ended for good: `session-closed` after close(), else the refusal of the first registration. Never rejects. */
  readonly closed: Promise<PosternError>;
  readonly #options: SlotsOptions;
  readonly #first: Supervisor;
  #others: readonly Supervisor[] = [];
  /** Slots that wait until another one is up. */
  readonly #waiting = new Set<() => void>();
  #replaced = false;
  #serial = 0;

  constructor(options: SlotsOptions) {
    this.#options = options;
    this.#first = this.#supervise(0, options.dial(0), false);
    this.closed = this.#first.closed;
  }

  get #all(): readonly Supervisor[] {
    return [this.#first, ...this.#others];
  }

  /** How many links have a session that takes new streams. */
  get serving(): number {
    return this.#all.filter(({ state }) => state === 'serving').length;
  }

  start(): void {
    this.#first.start();
  }

  /** To every session that lives, since any of them may be about to die: the number tells the bastion that it is the same. */
  sendInfo(info: Info): void {
    const numbered = this.number(info);
    for (const supervisor of this.#all) supervisor.sendInfo(numbered);
  }

  /** For what is told to one session only. */
  number(info: Info): Info {
    this.#serial += 1;
    return { ...info, serial: this.#serial };
  }

  /** No more attempts; resolves when the streams of all sessions have ended. Idempotent. */
  async close(): Promise<void> {
    await Promise.all(this.#all.map((supervisor) => supervisor.close()));
  }

  /** Now; idempotent. */
  destroy(error: PosternError): void {
    for (const supervisor of this.#all) supervisor.destroy(error);
  }

  #supervise(slot: number, dial: Dial, established: boolean): Supervisor {
    const { backoff, clock, random, events } = this.#options;
    return new Supervisor({
      dial,
      backoff: backoff(),
      clock,
      random,
      established,
      events: {
        up: (registered) => {
          events.up(slot, registered);
          this.#isUp();
        },
        failed: (error, waitMs) => events.failed(slot, error, waitMs),
        lost: (error, waitMs) => events.lost(slot, error, waitMs),
        replaced: () => this.#isReplaced(),
      },
    });
  }

  #isUp(): void {
    if (this.#others.length < this.#options.count - 1) {
      this.#others = Array.from({ length: this.#options.count - 1 }, (_, index) =>
        this.#supervise(index + 1, this.#following(this.#options.dial(index + 1)), true),
      );
      for (const supervisor of this.#others) supervisor.start();
    }
    for (const go of this.#waiting) go();
  }

  /** A newer agent has the name: whichever link heard of it first, none dials again. */
  #isReplaced(): void {
    if (this.#replaced) return;
    this.#replaced = true;
    for (const supervisor of this.#all) supervisor.standBack();
    this.#options.events.replaced();
  }

  #following(dial: Dial): Dial {
    return async (signal, onGoAway) => {
      if (this.serving === 0) await this.#someoneUp(signal);
      return dial(signal, onGoAway);
    };
  }

  #someoneUp(signal: AbortSignal): Promise<void> {
    const up = Promise.withResolvers<void>();
    const aborted = (): void => up.reject(signal.reason as Error);
    signal.addEventListener('abort', aborted, { once: true });
    this.#waiting.add(up.resolve);
    return up.promise.finally(() => {
      this.#waiting.delete(up.resolve);
      signal.removeEventListener('abort', aborted);
    });
  }
}

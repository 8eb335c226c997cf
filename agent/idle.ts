// Whether anybody uses the notebook: what it says of itself and what visitors do, and its end when nobody did for long enough.

import type { Clock } from '../shared/mux/clock.ts';
import type { Log } from '../shared/program/log.ts';
import type { ActivityInfo, IdleInfo, JobInfo, KeepInfo } from '../shared/wire/job.ts';

/**
 * What the notebook says of itself. other: nothing that we can read, so traffic has to tell. silent: a Jupyter that does not
 * answer now. jupyter: whether a kernel is busy, and for how many milliseconds no kernel and no terminal did anything.
 */
export type Testimony =
  | { readonly kind: 'other' }
  | { readonly kind: 'silent' }
  | { readonly kind: 'jupyter'; readonly busy: boolean; readonly quietMs: number | undefined };

export interface IdleOptions {
  /** 0: never stopped for being idle. */
  readonly timeoutMs: number;
  readonly clock: Clock;
  /** Never rejects. */
  ask(): Promise<Testimony>;
  tell(info: JobInfo | IdleInfo): void;
  /** Once, when nobody used it for as long as the timeout. */
  stop(idleMs: number): void;
  readonly log: Log;
}

const LONGEST_PAUSE_MS = 30_000;
const SHORTEST_PAUSE_MS = 500;
/** Looks per timeout. */
const LOOKS = 10;
/** The owner reads in the log that the end is near once this part of the timeout is over. */
const WARN_PART = 0.75;

/** Times are by the clock. */
export class IdleWatch {
  readonly #options: IdleOptions;
  readonly #pauseMs: number;
  /** The last time that the notebook was used, whoever says so. */
  #usedAt: number;
  /** As told last; undefined: in use. */
  #toldSince: number | undefined;
  #request = -Infinity;
  #change = -Infinity;
  #sent = -Infinity;
  #received = -Infinity;
  #warned = false;
  #timer: unknown;
  #stopped = false;

  constructor(options: IdleOptions) {
    this.#options = options;
    this.#usedAt = options.clock.now();
    const wished = options.timeoutMs === 0 ? LONGEST_PAUSE_MS : options.timeoutMs / LOOKS;
    this.#pauseMs = Math.min(LONGEST_PAUSE_MS, Math.max(SHORTEST_PAUSE_MS, wished));
  }

  /** Begins to look; what came before counts as use. Idempotent. */
  start(): void {
    if (this.#timer !== undefined || this.#stopped) return;
    this.#usedAt = this.#options.clock.now();
    this.#wait(this.#pauseMs);
  }

  stop(): void {
    this.#stopped = true;
    this.#options.clock.clearTimeout(this.#timer);
  }

  /** What the bastion saw visitors do. */
  heard(info: ActivityInfo | KeepInfo): void {
    const now = this.#options.clock.now();
    if (info.type === 'keep') {
      this.#options.log.info({ from: info.from }, 'A visitor asked to keep the notebook');
      this.#usedAt = now;
      return this.#say(now);
    }
    this.#request = now - (info.requestMs ?? Infinity);
    this.#change = now - (info.changeMs ?? Infinity);
    this.#sent = now - (info.sentMs ?? Infinity);
    this.#received = now - (info.receivedMs ?? Infinity);
  }

  async #look(): Promise<void> {
    const testimony = await this.#options.ask();
    if (this.#stopped) return;
    this.#judge(testimony);
    const { timeoutMs, clock } = this.#options;
    const idleMs = clock.now() - this.#usedAt;
    if (timeoutMs > 0 && idleMs >= timeoutMs) {
      this.stop();
      return this.#options.stop(idleMs);
    }
    this.#wait(timeoutMs > 0 ? Math.min(this.#pauseMs, Math.max(timeoutMs - idleMs, 1)) : this.#pauseMs);
  }

  #wait(ms: number): void {
    this.#timer = this.#options.clock.setTimeout(() => void this.#look(), ms);
  }

  #judge(testimony: Testimony): void {
    const now = this.#options.clock.now();
    const seconds = (at: number): number | undefined => (at === -Infinity ? undefined : Math.round((now - at) / 1000));
    const visitors = { request: seconds(this.#request), change: seconds(this.#change), sent: seconds(this.#sent) };
    this.#options.log.debug({ ...testimony, secondsSince: visitors }, 'Is the notebook used?');
    this.#usedAt = Math.max(this.#usedAt, this.#lastUse(testimony, now));
    this.#say(now);
  }

  #say(now: number): void {
    const { timeoutMs, tell } = this.#options;
    const idleMs = now - this.#usedAt;
    // Between two looks nobody is idle yet.
    const since = idleMs > 1.5 * this.#pauseMs || (timeoutMs > 0 && idleMs >= timeoutMs / 2) ? this.#usedAt : undefined;
    if (since !== this.#toldSince) {
      this.#toldSince = since;
      const stopMs = timeoutMs === 0 ? {} : { stopMs: Math.max(0, Math.round(timeoutMs - idleMs)) };
      tell(since === undefined ? { type: 'idle', idleMs: 0 } : { type: 'idle', idleMs: Math.round(idleMs), ...stopMs });
    }
    this.#warn(idleMs);
  }

  /** Pages of an open tab ask on and on, and are told of it, so with a Jupyter only what changes something, what is sent, and what it says itself counts. */
  #lastUse(testimony: Testimony, now: number): number {
    switch (testimony.kind) {
      case 'other':
        return Math.max(this.#request, this.#sent, this.#received);
      case 'silent':
        // It may be too busy to answer: nothing is stopped on a doubt.
        return now;
      case 'jupyter':
        return testimony.busy ? now : Math.max(this.#change, this.#sent, now - (testimony.quietMs ?? Infinity));
    }
  }

  #warn(idleMs: number): void {
    const { timeoutMs, log } = this.#options;
    const late = timeoutMs > 0 && idleMs >= WARN_PART * timeoutMs;
    if (late && !this.#warned)
      log.warn(
        { idleSeconds: Math.round(idleMs / 1000), stopSeconds: Math.round((timeoutMs - idleMs) / 1000) },
        'Nobody uses the notebook: it is stopped soon',
      );
    this.#warned = late;
  }
}

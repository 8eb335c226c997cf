// Follows the agent's batch job: tells the bastion what it is and how long it may run, and that it ends.

import type { Clock } from '../shared/mux/clock.ts';
import type { Log } from '../shared/program/log.ts';
import type { IdleInfo, JobFacts, JobInfo, JobState } from '../shared/wire/job.ts';
import type { Job } from './job/job.ts';

export interface JobWatchOptions {
  readonly job: Job;
  /** Milliseconds from now that the job may run, where the batch system doesn't say; 0: unknown. */
  readonly timeLimitMs: number;
  /** 0: the notebook is not stopped for being idle. */
  readonly idleTimeoutMs: number;
  /** The bastion may tell visitors of the end in the notebook's pages. */
  readonly notice: boolean;
  readonly clock: Clock;
  /** Unix milliseconds. */
  readonly now: () => number;
  tell(info: JobInfo | IdleInfo): void;
  readonly log: Log;
}

/** How long before the end the log warns, and the batch system is asked once more: limits are moved. */
const WARN_BEFORE_MS = [900_000, 300_000] as const;
/** A timer can't be longer. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export class JobWatch {
  readonly #options: JobWatchOptions;
  readonly #limit: number | undefined;
  #deadline: number | undefined;
  #state: JobState = 'running';
  #reason: string | undefined;
  #asked = false;
  /** How many of the warnings are over. */
  #warned = 0;
  #timer: unknown;
  #stopped = false;

  constructor(options: JobWatchOptions) {
    this.#options = options;
    this.#limit = options.timeLimitMs > 0 ? options.now() + options.timeLimitMs : undefined;
    this.#deadline = this.#limit;
  }

  /** Unix milliseconds; undefined as long as nothing is known. */
  get deadline(): number | undefined {
    return this.#deadline;
  }

  /** For a registration. */
  facts(): JobFacts {
    const { job, notice, idleTimeoutMs } = this.#options;
    const { scheduler, id, owner, node } = job;
    return {
      scheduler,
      ...(id === undefined ? {} : { id: printable(id, 64) }),
      ...(owner === undefined || owner === '' ? {} : { owner: printable(owner, 64) }),
      ...(node === '' ? {} : { node: printable(node, 255) }),
      ...this.#remaining(),
      ...(idleTimeoutMs === 0 ? {} : { idleTimeoutMs }),
      notice,
    };
  }

  /** Begins to ask for the deadline. */
  start(): void {
    void this.#look();
  }

  /** The notebook is being stopped; the first reason stays. */
  ends(state: 'ending' | 'preempted', reason: string): void {
    if (this.#state !== 'running') return;
    this.#state = state;
    this.#reason = reason;
    this.#tell();
  }

  stop(): void {
    this.#stopped = true;
    this.#options.clock.clearTimeout(this.#timer);
  }

  async #look(): Promise<void> {
    const { job, log, now } = this.#options;
    const deadline = earliest(await job.deadline(), this.#limit);
    if (this.#stopped) return;
    if (deadline !== this.#deadline || !this.#asked) this.#learned(deadline);
    if (deadline === undefined) return;
    const left = deadline - now();
    const due = WARN_BEFORE_MS.filter((before) => left <= before).length;
    if (due > this.#warned) log.warn({ minutes: Math.max(0, Math.round(left / 60_000)) }, 'The job ends soon');
    this.#warned = due;
    const next = WARN_BEFORE_MS[due];
    if (next === undefined) return;
    const waitMs = Math.min(left - next, LONGEST_TIMER_MS);
    this.#timer = this.#options.clock.setTimeout(() => void this.#look(), waitMs);
  }

  #learned(deadline: number | undefined): void {
    const { job, log } = this.#options;
    const news = deadline !== this.#deadline;
    this.#asked = true;
    this.#deadline = deadline;
    const until = deadline === undefined ? undefined : new Date(deadline).toISOString();
    log.info({ scheduler: job.scheduler, job: job.id, node: job.node, until }, 'This is the job');
    if (news && this.#state === 'running') this.#tell();
  }

  #tell(): void {
    const reason = this.#reason === undefined ? {} : { reason: printable(this.#reason, 200) };
    this.#options.tell({ type: 'job', state: this.#state, ...this.#remaining(), ...reason });
  }

  #remaining(): { remainingMs?: number } {
    if (this.#deadline === undefined) return {};
    return { remainingMs: Math.max(0, Math.round(this.#deadline - this.#options.now())) };
  }
}

function earliest(a: number | undefined, b: number | undefined): number | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return Math.min(a, b);
}

/** What a batch system says is not always what a header takes. */
function printable(text: string, longest: number): string {
  return text.replace(/[^\x20-\x7e]/g, '?').slice(0, longest);
}

// What a tunnel's agent says of its batch job, kept with times by the bastion's own clock, for pages, the API and the metrics.

import type { IdleInfo, JobFacts, JobInfo, JobState } from '../../shared/wire/job.ts';

/** Times are Unix milliseconds. Nothing in here is secret, but it is the owner's and the operators' only. */
export interface JobView {
  readonly scheduler: string;
  readonly id: string | undefined;
  readonly owner: string | undefined;
  readonly node: string | undefined;
  readonly state: JobState;
  readonly reason: string | undefined;
  readonly deadline: number | undefined;
  /** The agent stops the notebook when nobody has used it for so many milliseconds. */
  readonly idleTimeoutMs: number | undefined;
  /** Since when nobody has used the notebook; undefined while it is used, or nobody looks. */
  readonly idleSince: number | undefined;
  /** When the agent stops it for that. */
  readonly stopAt: number | undefined;
  /** The agent allows a notice in the notebook's pages. */
  readonly notice: boolean;
}

export class JobStatus {
  readonly #now: () => number;
  #facts: JobFacts | undefined;
  #state: JobState = 'running';
  #reason: string | undefined;
  #deadline: number | undefined;
  #idleSince: number | undefined;
  #stopAt: number | undefined;

  /** `now`: Unix milliseconds. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** What a registration says; an agent of an older release says nothing. */
  registered(facts: JobFacts | undefined): void {
    this.#facts = facts;
    this.#deadline = this.#at(facts?.remainingMs);
  }

  heard(info: JobInfo | IdleInfo): void {
    if (info.type === 'job') {
      this.#state = info.state;
      this.#reason = info.reason;
      this.#deadline = this.#at(info.remainingMs);
      return;
    }
    // The first look after use still says 0, and so does every look at a busy kernel.
    this.#idleSince = info.idleMs === 0 ? undefined : this.#now() - info.idleMs;
    this.#stopAt = info.idleMs === 0 ? undefined : this.#at(info.stopMs);
  }

  /** Undefined when the agent says nothing of a job. */
  get view(): JobView | undefined {
    if (this.#facts === undefined) return undefined;
    const { scheduler, id, owner, node, idleTimeoutMs, notice = false } = this.#facts;
    return {
      ...{ scheduler, id, owner, node, idleTimeoutMs, notice },
      state: this.#state,
      reason: this.#reason,
      deadline: this.#deadline,
      idleSince: this.#idleSince,
      stopAt: this.#stopAt,
    };
  }

  #at(ms: number | undefined): number | undefined {
    return ms === undefined ? undefined : this.#now() + ms;
  }
}

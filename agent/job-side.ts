// The agent's side towards its batch job, in one piece: what the job is, where the notebook is told to be, whether it is used.

import { systemClock } from '../shared/mux/clock.ts';
import type { Log } from '../shared/program/log.ts';
import type { ActivityInfo, IdleInfo, JobFacts, JobInfo, KeepInfo } from '../shared/wire/job.ts';
import { IdleWatch, type Testimony } from './idle.ts';
import { JobWatch } from './job-watch.ts';
import type { Job } from './job/job.ts';
import type { CommonValues } from './options.ts';
import { createWhereabouts } from './whereabouts.ts';

export interface JobSideOptions {
  readonly values: Pick<CommonValues, 'name' | 'urlFile' | 'json' | 'timeLimit' | 'notice' | 'idleTimeout'>;
  readonly job: Job;
  /** Standard output. */
  readonly output: { write(text: string): unknown };
  /** Never rejects. */
  ask(): Promise<Testimony>;
  /** To the bastion. */
  tell(info: JobInfo | IdleInfo): void;
  /** Nobody has used the notebook for long enough: it is to be stopped. */
  idle(): void;
  readonly log: Log;
}

export interface JobSide {
  facts(): JobFacts;
  located(url: string): void;
  heard(info: ActivityInfo | KeepInfo): void;
  /** The notebook answers: from now on it can be idle. */
  ready(): void;
  /** A signal came, from the batch system if there is one. */
  stopped(signal: NodeJS.Signals): void;
  /** Begins to ask and to tell. */
  start(): void;
  close(): Promise<void>;
}

/** A signal this shortly before the deadline is the deadline's, in milliseconds. */
const NEAR_MS = 120_000;

export function createJobSide(options: JobSideOptions): JobSide {
  const { values, job, output, log, tell } = options;
  const common = { clock: systemClock, tell, log };
  const { timeLimit: timeLimitMs, notice, idleTimeout: timeoutMs } = values;
  const watch = new JobWatch({ ...common, job, timeLimitMs, idleTimeoutMs: timeoutMs, notice, now: Date.now });
  const idle = new IdleWatch({
    ...common,
    timeoutMs,
    ask: () => options.ask(),
    stop: (idleMs) => {
      log.warn({ idleSeconds: Math.round(idleMs / 1000) }, 'Nobody used the notebook (--idle-timeout): it is stopped');
      watch.ends('ending', `nobody used it for ${spanOf(idleMs)}`);
      options.idle();
    },
  });
  const json = values.json ? output : undefined;
  const whereabouts = createWhereabouts({ name: values.name, urlFile: values.urlFile, json, job, log });
  return {
    facts: () => watch.facts(),
    located: (url) => whereabouts.tell(url),
    heard: (info) => idle.heard(info),
    ready: () => idle.start(),
    stopped: (signal) => {
      if ((watch.deadline ?? Infinity) - Date.now() < NEAR_MS) watch.ends('ending', 'its time is over');
      else watch.ends(job.returns ? 'preempted' : 'ending', `it got ${signal}`);
    },
    start: () => watch.start(),
    close: async () => {
      watch.stop();
      idle.stop();
      await whereabouts.close();
    },
  };
}

function spanOf(ms: number): string {
  const seconds = Math.round(ms / 1000);
  return seconds < 120 ? `${seconds} s` : `${Math.round(seconds / 60)} minutes`;
}

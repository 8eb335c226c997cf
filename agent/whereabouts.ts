// Says where the notebook is, to programs and without a secret: a file, a line of JSON, and the job's own record.

import { writeFile } from 'node:fs/promises';

import type { Log } from '../shared/program/log.ts';
import type { Job } from './job/job.ts';

export interface WhereaboutsOptions {
  readonly name: string;
  readonly urlFile: string | undefined;
  /** Where the line of JSON goes; undefined: nowhere. */
  readonly json: { write(text: string): unknown } | undefined;
  readonly job: Job;
  readonly log: Log;
}

export interface Whereabouts {
  /** The notebook has this address now. Never throws; what can't be told is logged. */
  tell(url: string): void;
  /** Waits for what is being told. */
  close(): Promise<void>;
}

export function createWhereabouts({ name, urlFile, json, job, log }: WhereaboutsOptions): Whereabouts {
  // One after the other, so that the newest is the one that stays.
  let telling = Promise.resolve();
  const tell = async (url: string): Promise<void> => {
    if (urlFile !== undefined)
      await writeFile(urlFile, `${url}\n`, { mode: 0o644 }).catch((err: unknown) =>
        log.error({ path: urlFile, err }, 'The file for the address could not be written'),
      );
    const published = await job.publish(url);
    if (published) log.info({ job: job.id, url }, "The address stands in the job's record");
    else if (job.id !== undefined) log.warn({ job: job.id }, "The address could not be written into the job's record");
  };
  return {
    tell: (url) => {
      const { scheduler, id, node, owner } = job;
      json?.write(`${JSON.stringify({ event: 'registered', name, url, job: { scheduler, id, node, owner } })}\n`);
      telling = telling.then(() => tell(url));
    },
    close: () => telling,
  };
}

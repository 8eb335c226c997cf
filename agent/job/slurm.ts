// A job of Slurm: what its environment says, and `scontrol` where that is not enough.

import type { Job, JobContext } from './job.ts';

/** Slurm takes a comment of any length, but shows it in tables. */
const COMMENT = 'comment';

export function openSlurm(context: JobContext): Job | undefined {
  const { env, hostname, user } = context;
  const id = env['SLURM_JOB_ID'] ?? env['SLURM_JOBID'];
  if (id === undefined || !/^\d{1,20}$/.test(id)) return undefined;
  return {
    scheduler: 'slurm',
    id,
    owner: env['SLURM_JOB_USER'] ?? user,
    node: env['SLURMD_NODENAME'] ?? hostname,
    returns: true,
    deadline: async () => (await askedDeadline(id, context)) ?? toldDeadline(env),
    publish: async (url) =>
      (await context.ask('scontrol', ['update', `jobid=${id}`, `${COMMENT}=${url}`])) !== undefined,
  };
}

/** The limit can be moved while the job runs, so what scontrol says counts more than the environment. */
async function askedDeadline(id: string, { ask }: JobContext): Promise<number | undefined> {
  // Times come in the zone of whoever asks, without saying which.
  const text = await ask('scontrol', ['--oneliner', 'show', 'job', id], { TZ: 'UTC', SLURM_TIME_FORMAT: 'standard' });
  const end = /\sEndTime=(\S+)/.exec(text ?? '')?.[1];
  if (end === undefined || !/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}$/.test(end)) return undefined;
  if (/\sTimeLimit=UNLIMITED\s/.test(text ?? '')) return undefined;
  const at = Date.parse(`${end}Z`);
  return Number.isNaN(at) ? undefined : at;
}

/** Since Slurm 22.05 or so; seconds. */
function toldDeadline(env: JobContext['env']): number | undefined {
  const seconds = env['SLURM_JOB_END_TIME'];
  return seconds !== undefined && /^\d{9,11}$/.test(seconds) ? Number(seconds) * 1000 : undefined;
}

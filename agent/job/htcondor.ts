// A job of HTCondor: what its job ad and machine ad say, and condor_chirp to leave the address in the job's own ad.

import { readClassAd, type ClassAd } from './class-ad.ts';
import type { Job, JobContext } from './job.ts';

/** HTCondor's own limits of a run, and those of sites that many people know; all in seconds. */
const LIMITS = ['AllowedExecuteDuration', 'AllowedJobDuration', 'MaxRuntime', 'RequestRuntime'] as const;
/** Of the machine: when a pilot that brought the slot here will be gone; Unix seconds. */
const MACHINE_END = 'GLIDEIN_ToDie';
/** Where packages put condor_chirp, which is on nobody's path. */
const CHIRP_PLACES = ['condor_chirp', '/usr/libexec/condor/condor_chirp', '/usr/lib/condor/libexec/condor_chirp'];

export function openHtcondor(context: JobContext): Job | undefined {
  const { env, hostname, user } = context;
  if (env['BATCH_SYSTEM'] !== 'HTCondor' && env['_CONDOR_JOB_AD'] === undefined) return undefined;
  const job = adOf(env['_CONDOR_JOB_AD'], context);
  const machine = adOf(env['_CONDOR_MACHINE_AD'], context);
  return {
    scheduler: 'htcondor',
    id: idOf(job.ad),
    owner: textOf(job.ad, 'Owner') ?? user,
    node: textOf(machine.ad, 'Machine') ?? hostname,
    returns: true,
    deadline: () => Promise.resolve(deadlineOf(job, machine.ad)),
    publish: (url) => publish(url, context),
  };
}

interface Ad {
  readonly ad: ClassAd;
  /** HTCondor writes the ads when this run of the job begins. */
  readonly writtenAt: number;
}

function adOf(path: string | undefined, context: JobContext): Ad {
  const file = path === undefined ? undefined : context.readFile(path);
  return file === undefined
    ? { ad: new Map(), writtenAt: context.now() }
    : { ad: readClassAd(file.text), writtenAt: file.writtenAt };
}

function idOf(ad: ClassAd): string | undefined {
  const cluster = ad.get('clusterid');
  return typeof cluster === 'number' ? `${cluster}.${Number(ad.get('procid') ?? 0)}` : undefined;
}

function deadlineOf({ ad, writtenAt }: Ad, machine: ClassAd): number | undefined {
  const ends = LIMITS.flatMap((name) => {
    const seconds = ad.get(name.toLowerCase());
    return typeof seconds === 'number' && seconds > 0 ? writtenAt + seconds * 1000 : [];
  });
  const leaving = machine.get(MACHINE_END.toLowerCase());
  if (typeof leaving === 'number' && leaving > 0) ends.push(leaving * 1000);
  return ends.length === 0 ? undefined : Math.floor(Math.min(...ends));
}

/** At once where the job asked for chirp (want_io_proxy), else with the next update, under a name that needs no such wish. */
async function publish(url: string, { ask }: JobContext): Promise<boolean> {
  const value = JSON.stringify(url);
  const libexec = (await ask('condor_config_val', ['LIBEXEC']))?.trim();
  const places = [...(libexec === undefined || libexec === '' ? [] : [`${libexec}/condor_chirp`]), ...CHIRP_PLACES];
  for (const chirp of places) {
    if ((await ask(chirp, ['set_job_attr', 'NotebookUrl', value])) !== undefined) return true;
    if ((await ask(chirp, ['set_job_attr_delayed', 'ChirpNotebookUrl', value])) !== undefined) return true;
  }
  return false;
}

function textOf(ad: ClassAd, name: string): string | undefined {
  const value = ad.get(name.toLowerCase());
  return typeof value === 'string' && value !== '' ? value : undefined;
}

// Slurm, HTCondor and no batch system at all keep the contract of a job, with what each of them says of a real one.

import assert from 'node:assert/strict';
import test from 'node:test';

import { openHtcondor } from '../../agent/job/htcondor.ts';
import { openPlain } from '../../agent/job/plain.ts';
import { openSlurm } from '../../agent/job/slurm.ts';
import { madeUp, NOW, type MadeUpContext } from '../support/job-context.ts';
import { testJob, URL_TO_PUBLISH } from './job.ts';

testJob('plain', openPlain, () => ({
  inside: () => madeUp({}),
  expected: { scheduler: 'none', id: undefined, owner: 'me', node: 'here.example.org', returns: false },
  deadline: undefined,
  published: () => undefined,
}));

const SLURM_ENV = { SLURM_JOB_ID: '4711', SLURM_JOB_USER: 'alice', SLURMD_NODENAME: 'wn-17' };
/** Slurm 22.05, shortened. */
const SHOWN =
  'JobId=4711 JobName=wrap UserId=alice(1000) JobState=RUNNING Requeue=1 Restarts=0 RunTime=00:01:00 TimeLimit=00:30:00 ' +
  'StartTime=2027-01-15T08:00:00 EndTime=2027-01-15T08:30:00 Deadline=N/A Comment=(null)\n';

function scontrol(shown: string) {
  return (program: string, [verb, ...rest]: readonly string[], env?: Readonly<Record<string, string>>) => {
    if (program !== 'scontrol') return undefined;
    if (verb === 'update') return '';
    assert.equal(env?.['TZ'], 'UTC', 'or the time would be in the zone of the node');
    return rest.includes('4711') ? shown : undefined;
  };
}

testJob('slurm', openSlurm, () => {
  let context: MadeUpContext | undefined;
  return {
    inside: (programs) => {
      context = madeUp({ env: SLURM_ENV, ...(programs ? { ask: scontrol(SHOWN) } : {}) });
      return context;
    },
    expected: { scheduler: 'slurm', id: '4711', owner: 'alice', node: 'wn-17', returns: true },
    deadline: Date.UTC(2027, 0, 15, 8, 30),
    published: () => context?.asked.find(([, verb]) => verb === 'update')?.join(' '),
  };
});

const JOB_AD = `MyType = "Job"
ClusterId = 815
ProcId = 3
Owner = "alice"
User = "alice@pool.example.org"
Requirements = (TARGET.Arch == "X86_64") && ( TARGET.Disk >= RequestDisk )
AllowedExecuteDuration = 7200
AllowedJobDuration = 86400
Arguments = "--say \\"ClusterId = 9\\""
`;
const MACHINE_AD = 'Machine = "wn-23.example.org"\nGLIDEIN_ToDie = 1800050000\n';
const HTCONDOR_ENV = {
  BATCH_SYSTEM: 'HTCondor',
  _CONDOR_JOB_AD: '/scratch/.job.ad',
  _CONDOR_MACHINE_AD: '/scratch/.machine.ad',
};
const ADS = { '/scratch/.job.ad': { text: JOB_AD, writtenAt: NOW - 60_000 }, '/scratch/.machine.ad': MACHINE_AD };

testJob('htcondor', openHtcondor, () => {
  let context: MadeUpContext | undefined;
  return {
    inside: (programs) => {
      const chirp = (program: string): string | undefined => (program === 'condor_chirp' ? '' : undefined);
      context = madeUp({ env: HTCONDOR_ENV, files: ADS, ...(programs ? { ask: chirp } : {}) });
      return context;
    },
    expected: { scheduler: 'htcondor', id: '815.3', owner: 'alice', node: 'wn-23.example.org', returns: true },
    deadline: NOW - 60_000 + 7_200_000,
    published: () => context?.asked.find(([, verb]) => verb === 'set_job_attr')?.join(' '),
  };
});

test("slurm: the environment's end of the job counts where scontrol is missing", async () => {
  const job = openSlurm(madeUp({ env: { ...SLURM_ENV, SLURM_JOB_END_TIME: '1800001800' } }));
  assert.equal(await job?.deadline(), 1_800_001_800_000);
});

test('slurm: a job without a limit has no deadline', async () => {
  for (const end of ['Unknown', '2028-01-15T08:00:00']) {
    const shown = SHOWN.replace(/TimeLimit=\S+/, 'TimeLimit=UNLIMITED').replace(/EndTime=\S+/, `EndTime=${end}`);
    const job = openSlurm(madeUp({ env: SLURM_ENV, ask: scontrol(shown) }));
    assert.equal(await job?.deadline(), undefined);
  }
});

test('slurm: what is no number is no job', () => {
  assert.equal(openSlurm(madeUp({ env: { SLURM_JOB_ID: '4711; rm -rf' } })), undefined);
});

test('htcondor: chirp gets the URL as a string of a ClassAd, and where it needs asking for, the delayed way is taken', async () => {
  const context = madeUp({
    env: HTCONDOR_ENV,
    files: ADS,
    ask: (program, [verb]) => {
      if (program === 'condor_config_val') return '/opt/condor/libexec\n';
      return program === '/opt/condor/libexec/condor_chirp' && verb === 'set_job_attr_delayed' ? '' : undefined;
    },
  });
  assert.equal(await openHtcondor(context)?.publish(URL_TO_PUBLISH), true);
  assert.deepEqual(context.asked.at(-1), [
    '/opt/condor/libexec/condor_chirp',
    'set_job_attr_delayed',
    'ChirpNotebookUrl',
    `"${URL_TO_PUBLISH}"`,
  ]);
});

test('htcondor: the earliest of all limits is the deadline, and what is no number is none', async () => {
  const deadline = (ad: string, machine = ''): Promise<number | undefined> | undefined =>
    openHtcondor(
      madeUp({ env: HTCONDOR_ENV, files: { '/scratch/.job.ad': ad, '/scratch/.machine.ad': machine } }),
    )?.deadline();
  assert.equal(await deadline('MaxRuntime = 3600\nAllowedJobDuration = 7200\n'), NOW + 3_600_000);
  assert.equal(await deadline('AllowedJobDuration = 7200\n', 'GLIDEIN_ToDie = 1800000060'), NOW + 60_000);
  assert.equal(await deadline('MaxRuntime = (60 * 60)\nAllowedJobDuration = 0\n'), undefined);
  assert.equal(await deadline(''), undefined);
});

test('htcondor: an ad that cannot be read, or is no ad, leaves what the environment says', () => {
  for (const files of [{}, { '/scratch/.job.ad': '\0\xff = = "\n"unended\nOwner = 7\n' }]) {
    const job = openHtcondor(madeUp({ env: HTCONDOR_ENV, files }));
    assert.equal(job?.id, undefined);
    assert.equal(job?.owner, 'me');
    assert.equal(job?.node, 'here.example.org');
  }
});

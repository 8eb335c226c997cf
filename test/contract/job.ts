// The contract suite of the seam "which batch system": every Job passes it.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { Job, JobContext, OpenJob } from '../../agent/job/job.ts';
import { madeUp, NOW } from '../support/job-context.ts';

export interface JobUnderTest {
  /** A context in which there is such a job, its batch system answering; `programs` false: nothing can be asked. */
  inside(programs: boolean): JobContext;
  readonly expected: Pick<Job, 'scheduler' | 'id' | 'owner' | 'node' | 'returns'>;
  /** Unix milliseconds; undefined: such a job has none. */
  readonly deadline: number | undefined;
  /** Where the URL was left, out of what `inside` recorded; undefined: there is no record. */
  published(): string | undefined;
}

export const URL_TO_PUBLISH = 'https://alice.notebooks.example.org:8443/';

export function testJob(name: string, open: OpenJob, make: () => JobUnderTest): void {
  const opened = (under: JobUnderTest, programs = true): Job => {
    const job = open(under.inside(programs));
    assert.ok(job, 'it knows its environment');
    return job;
  };

  test(`${name}: says what it is`, () => {
    const under = make();
    const { scheduler, id, owner, node, returns } = opened(under);
    assert.deepEqual({ scheduler, id, owner, node, returns }, under.expected);
  });

  test(`${name}: says the same when nobody can be asked`, () => {
    const under = make();
    assert.equal(opened(under, false).id, under.expected.id);
    assert.equal(opened(under, false).node, under.expected.node);
  });

  test(`${name}: knows when it ends, each time it is asked`, async () => {
    const under = make();
    const job = opened(under);
    assert.equal(await job.deadline(), under.deadline);
    assert.equal(await job.deadline(), under.deadline);
  });

  test(`${name}: leaves the URL in its record, where there is one`, async () => {
    const under = make();
    const published = await opened(under).publish(URL_TO_PUBLISH);
    assert.equal(published, under.published() !== undefined);
    if (published) assert.ok(under.published()?.includes(URL_TO_PUBLISH));
  });

  test(`${name}: neither fails nor claims anything when nobody can be asked`, async () => {
    const job = opened(make(), false);
    assert.equal(await job.publish(URL_TO_PUBLISH), false);
    const deadline = await job.deadline();
    assert.ok(deadline === undefined || deadline > NOW - 86_400_000);
  });

  test(`${name}: is not taken for one by whoever runs outside`, () => {
    const outside = open(
      madeUp({ env: { PATH: '/bin', SLURM_CONF: '/etc/slurm.conf', _CONDOR_CONFIG: '/etc/condor' } }),
    );
    assert.ok(outside === undefined || outside.scheduler === 'none');
  });
}

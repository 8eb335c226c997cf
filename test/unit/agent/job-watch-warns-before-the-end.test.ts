// The agent follows its job: what it tells at registration, when the limit is moved, and when the job is stopped.

import assert from 'node:assert/strict';
import test from 'node:test';

import { JobWatch } from '../../../agent/job-watch.ts';
import type { Job } from '../../../agent/job/job.ts';
import type { Log } from '../../../shared/program/log.ts';
import { NO_LOG } from '../../../shared/program/log.ts';
import type { Info } from '../../../shared/wire/handshake.ts';
import { FakeClock, settled } from '../../support/fake-clock.ts';

const START = 1_800_000_000_000;
const MINUTE = 60_000;

function world({ deadline, timeLimitMs = 0 }: { deadline?: number; timeLimitMs?: number }) {
  const clock = new FakeClock();
  const told: Info[] = [];
  const warnings: unknown[] = [];
  const state = { deadline, asked: 0 };
  const job: Job = {
    scheduler: 'slurm',
    id: '4711',
    owner: 'älice',
    node: 'wn-17',
    returns: true,
    deadline: () => {
      state.asked += 1;
      return Promise.resolve(state.deadline);
    },
    publish: () => Promise.resolve(false),
  };
  const log = { ...NO_LOG, info: () => {}, warn: (fields: unknown) => warnings.push(fields) } as unknown as Log;
  const now = (): number => START + clock.now();
  const watch = new JobWatch({
    job,
    timeLimitMs,
    idleTimeoutMs: 0,
    notice: true,
    clock,
    now,
    tell: (info) => told.push(info),
    log,
  });
  return { clock, told, warnings, state, watch };
}

test('a registration says what the job is, in characters that a header takes, and how long it has', async () => {
  const { watch, clock } = world({ deadline: START + 60 * MINUTE });
  const facts = { scheduler: 'slurm', id: '4711', owner: '?lice', node: 'wn-17', notice: true };
  assert.deepEqual(watch.facts(), facts, 'nothing waits for the batch system');
  watch.start();
  await settled();
  await clock.advance(10 * MINUTE);
  assert.deepEqual(watch.facts(), { ...facts, remainingMs: 50 * MINUTE });
  watch.stop();
});

test('the batch system is asked few times, and the log warns 15 and 5 minutes before the end', async () => {
  const { watch, clock, warnings, state, told } = world({ deadline: START + 600 * MINUTE });
  watch.start();
  await settled();
  await clock.advance(584 * MINUTE);
  assert.deepEqual([state.asked, warnings.length], [1, 0]);
  await clock.advance(2 * MINUTE);
  assert.deepEqual(warnings, [{ minutes: 15 }]);
  await clock.advance(10 * MINUTE);
  assert.deepEqual(warnings, [{ minutes: 15 }, { minutes: 5 }]);
  assert.equal(state.asked, 3);
  assert.deepEqual(told, [{ type: 'job', state: 'running', remainingMs: 600 * MINUTE }]);
  assert.equal(clock.pending, 0);
});

test('a limit that was moved is noticed before anybody is warned', async () => {
  const { watch, clock, warnings, state, told } = world({ deadline: START + 60 * MINUTE });
  watch.start();
  await settled();
  await clock.advance(10 * MINUTE);
  state.deadline = START + 120 * MINUTE;
  await clock.advance(50 * MINUTE);
  assert.deepEqual(warnings, []);
  assert.deepEqual(told.at(-1), { type: 'job', state: 'running', remainingMs: 75 * MINUTE });
  await clock.advance(50 * MINUTE);
  assert.deepEqual(warnings, [{ minutes: 15 }]);
  watch.stop();
});

test('--time-limit holds where nothing is known, and where it is the earlier one', async () => {
  const unknown = world({ timeLimitMs: 30 * MINUTE });
  assert.equal(unknown.watch.facts().remainingMs, 30 * MINUTE);
  const earlier = world({ timeLimitMs: 30 * MINUTE, deadline: START + 60 * MINUTE });
  earlier.watch.start();
  await settled();
  assert.equal(earlier.watch.facts().remainingMs, 30 * MINUTE);
  earlier.watch.stop();
});

test('the first reason for the end is told, and no other', async () => {
  const { watch, told } = world({});
  watch.start();
  await settled();
  assert.deepEqual(told, [], 'there is nothing that the registration has not said');
  watch.ends('preempted', 'it got SIGTERM');
  watch.ends('ending', 'nobody used it');
  assert.deepEqual(told, [{ type: 'job', state: 'preempted', reason: 'it got SIGTERM' }]);
  watch.stop();
});

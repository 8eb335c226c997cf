// When an agent dials again: at once the first time, then under a jittered ceiling that doubles.

import assert from 'node:assert/strict';
import test from 'node:test';

import { nobodyThere, refusal, stray, superviseFake } from '../../support/supervision.ts';

const ALMOST_ONE = 0.999_999;

test('the first retry goes at once, the others wait ever longer up to half a minute', async () => {
  const { supervisor, last, log, clock } = superviseFake(ALMOST_ONE);
  supervisor.start();
  for (let attempt = 0; attempt < 12; attempt += 1) {
    await last().reject(stray(502));
    await clock.advance(30_000);
  }
  const waits = log.map((line) => Number(line.split(' ')[2]));
  assert.deepEqual(waits, [0, 199, 399, 799, 1599, 3199, 6399, 12_799, 25_599, 29_999, 29_999, 29_999]);
});

test('jitter is full: the wait may be anything from nothing up', async () => {
  const { supervisor, last, log, clock } = superviseFake(0);
  supervisor.start();
  for (let attempt = 0; attempt < 5; attempt += 1) {
    await last().reject(stray(502));
    await clock.advance(0);
  }
  assert.deepEqual(new Set(log), new Set(['failed bastion-unreachable 0']));
});

test('while nobody listens there, it waits 3 s at most', async () => {
  const { supervisor, last, log, clock } = superviseFake(ALMOST_ONE);
  supervisor.start();
  for (let attempt = 0; attempt < 12; attempt += 1) {
    await last().reject(nobodyThere());
    await clock.advance(3000);
  }
  assert.equal(log.at(-1), 'failed bastion-unreachable 2999');
});

test('Retry-After is honoured, from the bastion and from others, and spread', async () => {
  for (const error of [refusal('handshake-limit', 10_000), stray(503, 10_000)]) {
    const early = superviseFake(0);
    early.supervisor.start();
    await early.last().reject(error);
    assert.match(early.log[0] ?? '', / 10000$/);
    const late = superviseFake(0.5);
    late.supervisor.start();
    await late.last().reject(error);
    assert.match(late.log[0] ?? '', / 11000$/);
  }
});

test('a Retry-After longer than five minutes counts as five', async () => {
  const { supervisor, last, log } = superviseFake(0);
  supervisor.start();
  await last().reject(stray(503, 86_400_000));
  assert.match(log[0] ?? '', / 300000$/);
});

test('a session that lived for a minute starts the back-off anew, a shorter one does not', async () => {
  const { supervisor, last, log, clock } = superviseFake(ALMOST_ONE);
  supervisor.start();
  for (let attempt = 0; attempt < 3; attempt += 1) {
    await last().reject(stray(502));
    await clock.advance(30_000);
  }
  const brief = await last().accept();
  await clock.advance(59_999);
  await brief.lose();
  assert.equal(log.at(-1), 'lost link-closed 799');
  await clock.advance(799);
  const long = await last().accept();
  await clock.advance(60_000);
  await long.lose();
  assert.equal(log.at(-1), 'lost link-closed 0');
});

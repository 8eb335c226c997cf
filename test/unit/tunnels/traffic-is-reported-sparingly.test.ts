// What visitors do is told to the agent: soon when it begins, every ten seconds while it lasts, never when nothing happens.

import assert from 'node:assert/strict';
import test from 'node:test';

import { Traffic } from '../../../bastion/tunnels/traffic.ts';
import type { ActivityInfo } from '../../../shared/wire/job.ts';
import { FakeClock } from '../../support/fake-clock.ts';

function world() {
  const clock = new FakeClock();
  const told: ActivityInfo[] = [];
  return { clock, told, traffic: new Traffic({ clock, tell: (info) => told.push(info) }) };
}

test('the first request is told at once, and nothing follows it', async () => {
  const { clock, told, traffic } = world();
  traffic.requested('GET');
  await clock.advance(1000);
  assert.deepEqual(told, [{ type: 'activity', connections: 0, requestMs: 0 }]);
  await clock.advance(3_600_000);
  assert.equal(told.length, 1);
  assert.equal(clock.pending, 0, 'an unused tunnel has no timer');
});

test('what lasts is told every ten seconds, with the age of what is over', async () => {
  const { clock, told, traffic } = world();
  traffic.requested('POST');
  for (let at = 0; at < 60; at += 1) {
    traffic.sent();
    traffic.moved();
    await clock.advance(1000);
  }
  assert.ok(told.length >= 6 && told.length <= 7, String(told.length));
  const last = told.at(-1);
  assert.equal(last?.sentMs, 0);
  assert.ok((last?.changeMs ?? 0) >= 45_000);
  assert.ok((last?.requestMs ?? -1) === 0);
});

test('connections are counted while they last', async () => {
  const { clock, told, traffic } = world();
  const ended = traffic.connected();
  traffic.connected();
  await clock.advance(1000);
  ended();
  await clock.advance(20_000);
  assert.deepEqual(
    told.map(({ connections }) => connections),
    [2, 1],
  );
});

test('after its end it tells nothing more', async () => {
  const { clock, told, traffic } = world();
  traffic.requested('GET');
  traffic.close();
  traffic.sent();
  await clock.advance(60_000);
  assert.deepEqual(told, []);
});

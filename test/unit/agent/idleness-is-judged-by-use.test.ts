// Whether a notebook is used: by what it says itself, by what visitors really do, and never by a tab that is merely open.

import assert from 'node:assert/strict';
import test from 'node:test';

import { IdleWatch, type Testimony } from '../../../agent/idle.ts';
import { NO_LOG } from '../../../shared/program/log.ts';
import type { Info } from '../../../shared/wire/handshake.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const MINUTE = 60_000;
const QUIET: Testimony = { kind: 'jupyter', busy: false, quietMs: undefined };

function world(timeoutMs: number, testimony: Testimony = QUIET) {
  const clock = new FakeClock();
  const told: Info[] = [];
  const stopped: number[] = [];
  const state = { testimony };
  const watch = new IdleWatch({
    timeoutMs,
    clock,
    ask: () => Promise.resolve(state.testimony),
    tell: (info) => told.push(info),
    stop: (idleMs) => stopped.push(idleMs),
    log: NO_LOG,
  });
  watch.start();
  return { clock, told, stopped, state, watch };
}

test('a Jupyter that nobody uses is stopped when the --idle-timeout is over, once', async () => {
  const { clock, stopped } = world(30 * MINUTE);
  await clock.advance(29 * MINUTE);
  assert.deepEqual(stopped, []);
  await clock.advance(90 * MINUTE);
  assert.equal(stopped.length, 1);
  assert.ok(stopped[0]! >= 30 * MINUTE && stopped[0]! <= 31 * MINUTE, String(stopped[0]));
});

test('a busy kernel is use, with or without a browser', async () => {
  const { clock, stopped, state } = world(30 * MINUTE, { kind: 'jupyter', busy: true, quietMs: 90 * MINUTE });
  await clock.advance(300 * MINUTE);
  assert.deepEqual(stopped, []);
  state.testimony = QUIET;
  await clock.advance(29 * MINUTE);
  assert.deepEqual(stopped, []);
  await clock.advance(2 * MINUTE);
  assert.equal(stopped.length, 1);
});

test('requests of an open tab are no use of a Jupyter, but what changes something is, and so is what is sent over a WebSocket', async () => {
  for (const [news, used] of [
    [{ requestMs: 0 }, false],
    [{ requestMs: 0, changeMs: 0 }, true],
    [{ sentMs: 0 }, true],
    [{ receivedMs: 0 }, false],
  ] as const) {
    const { clock, stopped, watch } = world(30 * MINUTE);
    for (let at = 0; at < 60; at += 1) {
      await clock.advance(MINUTE);
      watch.heard({ type: 'activity', connections: 3, ...news });
    }
    assert.equal(stopped.length, used ? 0 : 1, JSON.stringify(news));
  }
});

test('any other program is used by traffic of any kind', async () => {
  const { clock, stopped, watch } = world(30 * MINUTE, { kind: 'other' });
  for (let at = 0; at < 60; at += 1) {
    await clock.advance(MINUTE);
    watch.heard({ type: 'activity', connections: 0, ...(at % 2 === 0 ? { requestMs: 0 } : { receivedMs: 0 }) });
  }
  assert.deepEqual(stopped, []);
  watch.heard({ type: 'activity', connections: 5 });
  await clock.advance(32 * MINUTE);
  assert.equal(stopped.length, 1, 'connections alone are no use');
});

test('a Jupyter that does not answer is not stopped', async () => {
  const { clock, stopped } = world(30 * MINUTE, { kind: 'silent' });
  await clock.advance(300 * MINUTE);
  assert.deepEqual(stopped, []);
});

test('the wish to keep counts as use, and the bastion hears of it at once', async () => {
  const { clock, stopped, told, watch } = world(30 * MINUTE);
  await clock.advance(28 * MINUTE);
  assert.equal(told.at(-1)?.type === 'idle' && told.at(-1) !== undefined, true);
  watch.heard({ type: 'keep', from: '192.0.2.7' });
  assert.deepEqual(told.at(-1), { type: 'idle', idleMs: 0 });
  await clock.advance(28 * MINUTE);
  assert.deepEqual(stopped, []);
  await clock.advance(4 * MINUTE);
  assert.equal(stopped.length, 1);
});

test('the bastion hears when idleness begins and ends, and not in between', async () => {
  const { clock, told, state } = world(0);
  await clock.advance(60 * MINUTE);
  assert.equal(told.length, 1);
  assert.ok(told[0]?.type === 'idle' && told[0].idleMs > 0 && told[0].stopMs === undefined);
  state.testimony = { kind: 'jupyter', busy: true, quietMs: 0 };
  await clock.advance(60 * MINUTE);
  assert.deepEqual(told.slice(1), [{ type: 'idle', idleMs: 0 }]);
});

test('with a timeout the bastion hears how long is left', async () => {
  const { clock, told } = world(30 * MINUTE);
  await clock.advance(20 * MINUTE);
  const last = told.at(-1);
  assert.ok(last?.type === 'idle' && last.idleMs + (last.stopMs ?? 0) === 30 * MINUTE);
});

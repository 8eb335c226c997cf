// A deadline weeks away, a warning before it, and a wall clock that somebody sets.

import assert from 'node:assert/strict';
import test from 'node:test';

import { watchDeadline } from '../../../bastion/tunnels/deadline.ts';

const HOUR = 3_600_000;

/** Runs the timers in order until nothing is due within `ms`. */
function fakeTime() {
  let now = 1_800_000_000_000;
  let waiting: { at: number; callback: () => void }[] = [];
  const clock = {
    now: () => now,
    setTimeout: (callback: () => void, ms: number) => {
      assert.ok(ms < 2 ** 31, 'Node would fire at once');
      const timer = { at: now + ms, callback };
      waiting.push(timer);
      return timer;
    },
    clearTimeout: (handle: unknown) => (waiting = waiting.filter((timer) => timer !== handle)),
  };
  const pass = (ms: number): void => {
    const end = now + ms;
    for (;;) {
      const [next] = waiting.filter(({ at }) => at <= end).toSorted((a, b) => a.at - b.at);
      if (next === undefined) break;
      waiting = waiting.filter((timer) => timer !== next);
      now = next.at;
      next.callback();
    }
    now = end;
  };
  return { clock, pass, now: () => now, set: (time: number) => (now = time), waiting: () => waiting.length };
}

function watch(time: ReturnType<typeof fakeTime>, inMs: number) {
  const log: string[] = [];
  const cancel = watchDeadline({
    at: time.now() + inMs,
    warnBeforeMs: HOUR,
    clock: time.clock,
    now: time.now,
    warn: (remainingMs) => log.push(`warned ${remainingMs / HOUR}`),
    reached: () => log.push('reached'),
  });
  return { log, cancel };
}

test('a deadline forty days away is warned of once and then reached, exactly', () => {
  const time = fakeTime();
  const { log } = watch(time, 40 * 24 * HOUR);
  time.pass(40 * 24 * HOUR - HOUR - 1);
  assert.deepEqual(log, []);
  time.pass(1);
  assert.deepEqual(log, ['warned 1']);
  time.pass(HOUR - 1);
  assert.deepEqual(log, ['warned 1']);
  time.pass(1);
  assert.deepEqual(log, ['warned 1', 'reached']);
  assert.equal(time.waiting(), 0);
});

test('nothing happens within the call, and a short deadline is warned of at once', () => {
  const time = fakeTime();
  const { log } = watch(time, HOUR / 2);
  assert.deepEqual(log, []);
  time.pass(0);
  assert.deepEqual(log, ['warned 0.5']);
});

test('a wall clock set forward is noticed within ten minutes', () => {
  const time = fakeTime();
  const { log } = watch(time, 10 * HOUR);
  time.pass(HOUR);
  time.set(time.now() + 20 * HOUR);
  time.pass(HOUR / 6);
  assert.equal(log.at(-1), 'reached');
});

test('a cancelled deadline says nothing', () => {
  const time = fakeTime();
  const { log, cancel } = watch(time, 10 * HOUR);
  time.pass(HOUR);
  cancel();
  time.pass(100 * HOUR);
  assert.deepEqual(log, []);
});

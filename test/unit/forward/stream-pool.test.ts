// Which stream a request goes on, and when idle ones close.

import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';

import { StreamPool, type Destination, type UpstreamStream } from '../../../bastion/forward/stream-pool.ts';
import type { Clock } from '../../../shared/mux/clock.ts';

class FakeClock implements Clock {
  time = 0;
  timers: { at: number; callback: () => void }[] = [];
  now(): number {
    return this.time;
  }
  setTimeout(callback: () => void, ms: number): unknown {
    const timer = { at: this.time + ms, callback };
    this.timers.push(timer);
    return timer;
  }
  clearTimeout(handle: unknown): void {
    this.timers = this.timers.filter((timer) => timer !== handle);
  }
  advance(ms: number): void {
    this.time += ms;
    const due = this.timers.filter((timer) => timer.at <= this.time);
    this.timers = this.timers.filter((timer) => timer.at > this.time);
    for (const timer of due) timer.callback();
  }
}

class FakeStream extends PassThrough implements UpstreamStream {
  aborted: string | undefined;
  abort(code: string): void {
    this.aborted = code;
    this.destroy();
  }
}

function world(idle = 1, busy = Infinity) {
  const clock = new FakeClock();
  const streams: FakeStream[] = [];
  const dialer = {
    open: () => {
      const stream = new FakeStream();
      streams.push(stream);
      return stream;
    },
  };
  const destination: Destination = { dialer, service: 'web', visitor: 'alice', address: '192.0.2.1' };
  return { clock, streams, destination, pool: new StreamPool({ idle, busy }, clock) };
}

test('a stream given back carries the next request to the same place for the same visitor', () => {
  const { pool, destination, streams } = world();
  const first = pool.take(destination, true);
  pool.give(first, undefined);
  assert.equal(pool.take({ ...destination }, true), first);
  assert.equal(first.reused, true);
  assert.equal(streams.length, 1);
});

test('another identity, service or tunnel never gets it', () => {
  const { pool, destination } = world();
  const first = pool.take(destination, true);
  const others = [{ visitor: 'bob' }, { service: 'other' }, { dialer: { open: () => new FakeStream() } }];
  for (const other of others) {
    pool.give(first, undefined);
    assert.notEqual(pool.take({ ...destination, ...other }, true), first);
    assert.equal(pool.take(destination, true), first);
  }
});

test('what must not be repeated goes on a stream idle for less than a second, or on a new one', () => {
  const { pool, clock, destination } = world();
  const first = pool.take(destination, false);
  pool.give(first, undefined);
  clock.advance(999);
  assert.equal(pool.take(destination, false), first);
  pool.give(first, undefined);
  clock.advance(1000);
  assert.notEqual(pool.take(destination, false), first);
  assert.equal(pool.take(destination, true), first);
});

test('idle streams close after thirty seconds, or a second before the announced end', () => {
  for (const [announced, idleMs] of [
    [undefined, 30_000],
    [5000, 4000],
    [75_000, 30_000],
  ] as const) {
    const { pool, clock, destination, streams } = world();
    pool.give(pool.take(destination, true), announced);
    clock.advance(idleMs - 1);
    assert.equal(streams[0]?.aborted, undefined);
    clock.advance(1);
    assert.equal(streams[0]?.aborted, 'stream-cancelled');
    assert.equal(clock.timers.length, 0);
  }
});

test('an upstream that announces one second or less is not asked again on that stream', () => {
  const { pool, destination, streams } = world();
  pool.give(pool.take(destination, true), 1000);
  assert.equal(streams[0]?.aborted, 'stream-cancelled');
});

test('bytes outside an exchange, or an end, destroy an idle stream', async () => {
  for (const disturb of [(s: FakeStream) => s.write('x'), (s: FakeStream) => s.end()]) {
    const { pool, destination, streams } = world();
    const first = pool.take(destination, true);
    pool.give(first, undefined);
    disturb(streams[0] as FakeStream);
    await new Promise((resolve) => streams[0]?.once('close', resolve));
    assert.notEqual(pool.take(destination, true), first);
  }
});

test('no more streams wait than allowed, and none once the visitor has left', () => {
  const { pool, destination, streams } = world(1);
  const first = pool.open(destination);
  const second = pool.open(destination);
  const third = pool.open(destination);
  pool.give(first, undefined);
  pool.give(second, undefined);
  assert.deepEqual([streams[0]?.aborted, streams[1]?.aborted], ['stream-cancelled', undefined]);
  pool.close();
  assert.equal(streams[1]?.aborted, 'stream-cancelled');
  pool.give(third, undefined);
  assert.equal(streams[2]?.aborted, 'stream-cancelled');
});

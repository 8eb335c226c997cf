// Which stream a request goes on, and when idle ones close.

import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';

import {
  StreamPool,
  type Destination,
  type PooledStream,
  type UpstreamStream,
} from '../../../bastion/forward/stream-pool.ts';
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

test('more streams than allowed wait for a second only, and none once the visitor has left', () => {
  const { pool, destination, streams, clock } = world(1);
  const first = pool.open(destination);
  const second = pool.open(destination);
  const third = pool.open(destination);
  pool.give(first, undefined);
  pool.give(second, undefined);
  clock.advance(999);
  assert.equal(streams[0]?.aborted, undefined);
  clock.advance(1);
  assert.deepEqual([streams[0]?.aborted, streams[1]?.aborted], ['stream-cancelled', undefined]);
  pool.close();
  assert.equal(streams[1]?.aborted, 'stream-cancelled');
  pool.give(third, undefined);
  assert.equal(streams[2]?.aborted, 'stream-cancelled');
});

test('a burst leaves no more than a few dozen streams waiting, however short', () => {
  const { pool, destination, streams } = world(6);
  const burst = Array.from({ length: 50 }, () => pool.open(destination));
  for (const pooled of burst) pool.give(pooled, undefined);
  assert.equal(streams.filter(({ aborted }) => aborted === undefined).length, 38);
});

test('requests queue for a destination that has as many streams in use as allowed, and others do not wait for them', () => {
  const { pool, destination } = world(6, 2);
  const other = { ...destination, visitor: 'bob' };
  const taken: PooledStream[] = [];
  const ask = (to = destination): (() => void) => pool.queue(to, () => taken.push(pool.take(to, true)));
  ask();
  ask();
  ask();
  const giveUp = ask();
  ask();
  assert.equal(taken.length, 2);
  ask(other);
  assert.equal(taken.length, 3, 'the other visitor has streams of its own');
  giveUp();
  pool.give(taken[0] as PooledStream, undefined);
  assert.equal(taken.length, 4);
  assert.equal(taken[3], taken[0], 'the stream that became idle carries the next request');
  taken[1]?.abort('stream-cancelled');
  assert.equal(taken.length, 5);
  pool.give(taken[3] as PooledStream, undefined);
  pool.give(taken[4] as PooledStream, undefined);
  assert.equal(taken.length, 5);
});

test('a stream that left for another protocol, or is gone, no longer counts', async () => {
  const { pool, destination, streams } = world(6, 1);
  let went = 0;
  const take = (): PooledStream => pool.open(destination);
  pool.queue(destination, () => void take().release());
  pool.queue(destination, () => void take());
  pool.queue(destination, () => (went += 1));
  assert.deepEqual([streams.length, went], [2, 0]);
  streams[1]?.destroy();
  await new Promise((resolve) => streams[1]?.once('close', resolve));
  assert.equal(went, 1);
});

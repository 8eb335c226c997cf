// The agent's own limits: how many connections visitors have at once and open per second, whatever links they come over.

import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import test from 'node:test';

import { createServe, type IncomingStream, type ServeLimits } from '../../../agent/serve.ts';
import { NO_LOG } from '../../../shared/program/log.ts';
import { FakeClock, settled } from '../../support/fake-clock.ts';

class FakeStream extends PassThrough implements IncomingStream {
  readonly service = 'web';
  failedWith: string | undefined;

  fail(code: string): void {
    this.failedWith = code;
    this.destroy();
  }
}

function world(limits: ServeLimits) {
  const clock = new FakeClock();
  const upstream = { label: 'notebook', dial: () => Promise.resolve(new PassThrough()) };
  const services = new Map([['web', { name: 'web', upstream, phase: () => 'ready' as const }]]);
  const serve = createServe({ services, connectTimeoutMs: 1000, limits, clock, log: NO_LOG });
  const come = (): FakeStream => {
    const stream = new FakeStream();
    serve(stream);
    return stream;
  };
  return { clock, come };
}

test('one connection too many is refused, and the end of another makes room', async () => {
  const { come } = world({ streams: 2, opens: { perSecond: 1000, burst: 1000 } });
  const [first, second] = [come(), come()];
  assert.equal(come().failedWith, 'stream-limit');
  assert.deepEqual([first.failedWith, second.failedWith], [undefined, undefined]);
  first.destroy();
  await settled();
  assert.equal(come().failedWith, undefined);
  assert.equal(come().failedWith, 'stream-limit');
});

test('connections that come too fast are refused, and those that were refused use up nothing', async () => {
  const { come, clock } = world({ streams: 1000, opens: { perSecond: 10, burst: 2 } });
  const codes = (count: number): (string | undefined)[] => Array.from({ length: count }, () => come().failedWith);
  assert.deepEqual(codes(4), [undefined, undefined, 'stream-rate', 'stream-rate']);
  await clock.advance(100);
  assert.deepEqual(codes(2), [undefined, 'stream-rate']);
  await clock.advance(60_000);
  assert.deepEqual(codes(3), [undefined, undefined, 'stream-rate']);
});

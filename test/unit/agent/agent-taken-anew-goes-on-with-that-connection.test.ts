// What the bastion answered to a resumption by taking the agent anew is used by the next session, or closed soon.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { TakenAnew, type Taken } from '../../../agent/taken-anew.ts';
import { FakeClock } from '../../support/fake-clock.ts';

function taken() {
  const webSocket = { readyState: 1, terminated: false, terminate: () => (webSocket.terminated = true) };
  return { webSocket, given: { carrier: { webSocket }, registration: {}, headers: {} } as unknown as Taken };
}

function kept() {
  const clock = new FakeClock();
  const anew = new TakenAnew(clock);
  const end = new AbortController();
  const { webSocket, given } = taken();
  anew.keep(given, end.signal);
  return { clock, anew, end, webSocket, given };
}

test('it is taken once, and is not closed afterwards', async () => {
  const { clock, anew, end, webSocket, given } = kept();
  assert.equal(anew.take(), given);
  assert.equal(anew.take(), undefined);
  await clock.advance(60_000);
  end.abort();
  assert.equal(webSocket.terminated, false);
  assert.equal(clock.pending, 0);
});

test('it is closed when nobody takes it for five seconds', async () => {
  const { clock, anew, webSocket } = kept();
  await clock.advance(4_999);
  assert.equal(webSocket.terminated, false);
  await clock.advance(1);
  assert.equal(webSocket.terminated, true);
  assert.equal(anew.take(), undefined);
});

test('it is closed when no attempt follows any more, and not kept at all when that was so before', () => {
  const { clock, end, anew, webSocket } = kept();
  end.abort();
  assert.equal(webSocket.terminated, true);
  const late = taken();
  anew.keep(late.given, end.signal);
  assert.equal(late.webSocket.terminated, true);
  assert.equal(anew.take(), undefined);
  assert.equal(clock.pending, 0);
});

test('one that has closed meanwhile is not given out, and a newer one takes the place of an older', () => {
  const { anew, end, webSocket } = kept();
  const newer = taken();
  anew.keep(newer.given, end.signal);
  assert.equal(webSocket.terminated, true);
  newer.webSocket.readyState = 3;
  assert.equal(anew.take(), undefined);
});

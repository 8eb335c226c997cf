// Who may open a stream when: limits, budgets, refusals, GOAWAY and a graceful close.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import test from 'node:test';

import { PosternError } from '../../../shared/errors.ts';
import type { GoAway } from '../../../shared/mux/session.ts';
import type { Info } from '../../../shared/wire/handshake.ts';
import { settled } from '../../support/fake-clock.ts';
import { openedPair, pass, sessionPair, until, type SessionPair } from '../../support/session-pair.ts';

const web = { service: 'web', visitor: '192.0.2.7' };

async function ended(pair: SessionPair, closing: Promise<unknown>): Promise<void> {
  // The last frames' acknowledgement is looked for every few milliseconds.
  await pass(pair, 100);
  await closing;
}

test('the acceptor learns which service is asked for, and for whom', async () => {
  const pair = sessionPair();
  const [near, far] = await openedPair(pair);
  assert.deepEqual([far.service, far.visitor], ['web', '']);
  assert.equal(near.id, far.id);
  assert.equal(near.id % 2, 1);
  const [theirs] = await openedPair(pair, 'agent');
  assert.equal(theirs.id % 2, 0);
});

test('more streams than the peer takes are refused here, at once', () => {
  const pair = sessionPair({ limits: { streams: 2 } });
  pair.bastion.open(web);
  pair.bastion.open(web);
  assert.throws(() => pair.bastion.open(web), { code: 'stream-limit' });
});

test('a peer that opens more than we take gets RESET for each, and the others go on', async () => {
  const pair = sessionPair({ agent: { own: { credit: 1000, streams: 1, message: 65_536 } } });
  const [near, far] = await openedPair(pair);
  const refused = pair.bastion.open(web);
  const [error] = (await once(refused, 'error')) as [PosternError];
  assert.equal(error.code, 'stream-limit');
  near.write('still there');
  assert.equal(String((await once(far, 'data'))[0]), 'still there');
});

test('opens are refused when the budget of granted credit is used up, and served again when it is free', async () => {
  const pair = sessionPair({ budgetBytes: 100_000 });
  const streams = [65_536, 16_384, 16_384].map(() => pair.bastion.open(web));
  for (const stream of streams) stream.on('error', () => undefined);
  assert.equal(pair.budgets.bastion.granted, 98_304);
  assert.throws(() => pair.bastion.open(web), { code: 'stream-limit' });
  streams[0]!.abort('stream-cancelled');
  await settled();
  const again = pair.bastion.open(web);
  again.on('error', () => undefined);
  again.abort('stream-cancelled');
});

test('a budget that is used up at the acceptor refuses with RESET', async () => {
  const pair = sessionPair({ budgetBytes: 1_000_000 });
  assert.ok(pair.budgets.agent.claim(950_000));
  const stream = pair.bastion.open(web);
  const [error] = (await once(stream, 'error')) as [PosternError];
  assert.equal(error.code, 'stream-limit');
  assert.equal(pair.budgets.agent.granted, 950_000);
});

test('what cannot be the name of a service is not even sent', () => {
  const pair = sessionPair();
  for (const service of ['', 'Web', '127.0.0.1:22', 'a'.repeat(64)])
    assert.throws(() => pair.bastion.open({ service, visitor: '' }), { code: 'service-unknown' });
  assert.equal(pair.bastion.streams, 0);
});

test('after GOAWAY no new streams, at either end; old ones go on; the peer is told once', async () => {
  const told: GoAway[] = [];
  const pair = sessionPair({ agent: { onGoAway: (goAway) => void told.push(goAway) } });
  const [near, far] = await openedPair(pair);
  const goAway: GoAway = { code: 'draining', reconnectAfterMs: 1500, alternatives: ['https://b.example.org'] };
  pair.bastion.goAway(goAway);
  pair.bastion.goAway({ code: 'replaced', reconnectAfterMs: 0 });
  assert.throws(() => pair.bastion.open(web), { code: 'draining' });
  await until(() => told.length > 0);
  assert.deepEqual(told, [goAway]);
  assert.ok(pair.agent.draining);
  assert.throws(() => pair.agent.open(web), { code: 'draining' });
  near.end('hello');
  assert.equal(String((await once(far, 'data'))[0]), 'hello');
});

test('an OPEN that crosses GOAWAY is still served', async () => {
  const pair = sessionPair();
  pair.agent.goAway({ code: 'draining', reconnectAfterMs: 0 });
  const [near, far] = await openedPair(pair);
  far.end('served');
  assert.equal(String((await once(near, 'data'))[0]), 'served');
});

test('close says GOAWAY, waits for the streams and the last acknowledgement, then both ends are closed', async () => {
  const told: GoAway[] = [];
  const pair = sessionPair({ agent: { onGoAway: (goAway) => void told.push(goAway) } });
  const [near, far] = await openedPair(pair);
  let closed = false;
  const closing = pair.bastion.close().then(() => (closed = true));
  await until(() => told.length > 0);
  assert.equal(told[0]?.code, 'session-closed');
  assert.ok(!closed);
  far.resume().end();
  near.end('last words').resume();
  await until(() => pair.bastion.streams === 0);
  await ended(pair, closing);
  assert.equal((await pair.bastion.closed).code, 'session-closed');
  await pair.agent.closed;
  assert.equal(pair.clock.pending, 0);
  assert.throws(() => pair.bastion.open(web), { code: 'session-closed' });
});

test('close at both ends at once, and twice, comes to an end', async () => {
  const pair = sessionPair();
  await ended(pair, Promise.all([pair.bastion.close(), pair.agent.close(), pair.bastion.close()]));
  assert.equal(pair.clock.pending, 0);
});

test('close does not wait for ever for a peer that acknowledges nothing', async () => {
  const pair = sessionPair();
  pair.links.agent.stalled = true;
  pair.bastion.sendInfo({ type: 'links', hashes: [] });
  const closing = pair.bastion.close();
  await pass(pair, 5100);
  await closing;
});

test('destroy ends both ends at once, streams with session-closed', async () => {
  const pair = sessionPair();
  const [near, far] = await openedPair(pair);
  const errors = Promise.all([once(near, 'error'), once(far, 'error')]);
  pair.agent.destroy(new PosternError('draining'));
  assert.deepEqual(
    (await errors).map(([error]) => (error as PosternError).code),
    ['session-closed', 'session-closed'],
  );
  assert.equal((await pair.agent.closed).code, 'draining');
  assert.equal((await pair.bastion.closed).code, 'link-closed');
});

test('INFO arrives in order; what is too long for a frame is refused here', async () => {
  const heard: Info[] = [];
  const pair = sessionPair({ bastion: { onInfo: (info) => void heard.push(info) } });
  const infos: Info[] = [
    { type: 'readiness', service: 'web', ready: false },
    { type: 'readiness', service: 'web', ready: true },
  ];
  for (const info of infos) pair.agent.sendInfo(info);
  await until(() => heard.length === 2);
  assert.deepEqual(heard, infos);
  const long: Info = { type: 'links', hashes: Array.from({ length: 300 }, () => 'a'.repeat(64)) };
  assert.throws(() => pair.agent.sendInfo(long), { code: 'internal' });
});

test('a session whose numbers run out says GOAWAY instead of using one twice', async () => {
  const told: GoAway[] = [];
  const pair = sessionPair({ bastion: { highestId: 5 }, agent: { onGoAway: (goAway) => void told.push(goAway) } });
  assert.deepEqual(
    [1, 3, 5].map(() => pair.bastion.open(web).id),
    [1, 3, 5],
  );
  assert.throws(() => pair.bastion.open(web), { code: 'draining' });
  await until(() => told.length > 0);
});

test('the round trip is measured at the beginning and while something moves', async () => {
  const pair = sessionPair({ timed: true, link: { latencyMs: 40 } });
  await pass(pair, 100);
  assert.equal(Math.round(pair.bastion.stats.roundTripMs!), 80);
  assert.equal(Math.round(pair.agent.stats.roundTripMs!), 80);
});

test('a round trip longer than the pause between PINGs is measured all the same', async () => {
  const pair = sessionPair({ timed: true, link: { latencyMs: 1500 } });
  const stream = pair.bastion.open(web);
  for (let count = 0; count < 100; count++) {
    stream.write('x');
    await pass(pair, 100);
  }
  assert.ok(pair.bastion.stats.roundTripMs! > 2990);
});

test('all streams that the limits promise can be open at once, however far the windows of some have grown', async () => {
  const limits = { credit: 262_144, streams: 600, message: 65_536 };
  const pair = sessionPair({ timed: true, limits, link: { latencyMs: 25 }, agent: { budget: undefined as never } });
  await pass(pair, 100);
  for (let count = 0; count < 600; count++) {
    const stream = pair.bastion.open(web);
    stream.on('error', (error) => assert.fail(error));
    if (count < 6) stream.write(Buffer.alloc(4 * 2 ** 20));
    if (count === 5) {
      await pass(pair, 50);
      for (const busy of pair.accepted.agent) busy.resume();
      await pass(pair, 1000);
    }
  }
  await pass(pair, 1000);
  assert.equal(pair.agent.streams, 600);
  assert.ok(pair.agent.stats.grantedBytes > 600 * limits.credit);
});

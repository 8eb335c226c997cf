// Streams that stand still hold up nothing but themselves, and back-pressure ends at the bytes that were granted.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import test from 'node:test';

import { PosternError } from '../../../shared/errors.ts';
import type { Stream } from '../../../shared/mux/stream.ts';
import { settled } from '../../support/fake-clock.ts';
import { LIMITS, openedPair, pass, sessionPair, until, type Side } from '../../support/session-pair.ts';

const MIB = 2 ** 20;

function countOf(stream: Stream): () => number {
  let bytes = 0;
  stream.on('data', (chunk: Buffer) => (bytes += chunk.length));
  return () => bytes;
}

test('fifty readers that read nothing do not slow one that reads', async () => {
  const pair = sessionPair();
  for (let count = 0; count < 50; count++) {
    const [near] = await openedPair(pair);
    near.write(Buffer.alloc(MIB));
  }
  const [near, far] = await openedPair(pair);
  const read = countOf(far);
  near.write(Buffer.alloc(MIB));
  await until(() => read() === MIB, 500);
});

test('two hundred readers that read nothing leave others the windows that a long path needs', async () => {
  const pair = sessionPair({ timed: true, link: { latencyMs: 25 }, limits: { credit: 256 * 1024, streams: 256 } });
  await pass(pair, 100);
  const open = (side: Side): Stream => pair[side].open({ service: 'web', visitor: '' });
  // The agent's answers are what these do not read: the windows are the bastion's, of 51 MB that it does not have to give.
  const deaf = Array.from({ length: 200 }, () => open('bastion'));
  await pass(pair, 100);
  for (const far of pair.accepted.agent) far.write(Buffer.alloc(MIB));
  await pass(pair, 500);
  assert.ok(deaf.every((stream) => stream.receiveCredit.left === 0));
  const near = open('bastion');
  const read = countOf(near);
  await pass(pair, 100);
  pair.accepted.agent.at(-1)!.write(Buffer.alloc(32 * MIB));
  await pass(pair, 3000);
  assert.equal(read(), 32 * MIB);
});

test('readers that were quick and then stopped do not keep all of the room for growth', async () => {
  const pair = sessionPair({ timed: true, link: { latencyMs: 25 }, budgetBytes: 8 * MIB });
  await pass(pair, 100);
  const stopped = Array.from({ length: 6 }, () => pair.bastion.open({ service: 'web', visitor: '' }));
  for (const stream of stopped) stream.write(Buffer.alloc(16 * MIB));
  await pass(pair, 100);
  for (const stream of pair.accepted.agent) stream.resume();
  await pass(pair, 800);
  for (const stream of pair.accepted.agent) stream.pause();
  await pass(pair, 200);
  const grown = pair.budgets.agent.granted - 6 * LIMITS.credit;
  assert.ok(grown > 3 * MIB, `${grown} bytes`);
  const near = pair.bastion.open({ service: 'web', visitor: '' });
  near.write(Buffer.alloc(16 * MIB));
  await pass(pair, 100);
  const late = pair.accepted.agent.at(-1)!;
  const read = countOf(late);
  await pass(pair, 1000);
  // Not the window that it would have alone, but one that has grown.
  assert.ok(late.receiveCredit.window > 2 * LIMITS.credit && read() > MIB, `${late.receiveCredit.window}, ${read()}`);
});

test('a reader that reads nothing is sent what it granted, and no more', async () => {
  const pair = sessionPair();
  const [near, far] = await openedPair(pair);
  near.write(Buffer.alloc(MIB));
  for (let turn = 0; turn < 100; turn++) await settled();
  assert.equal(pair.agent.stats.bytesIn, LIMITS.credit);
  assert.ok(near.writableNeedDrain);
  const read = countOf(far);
  await until(() => read() === MIB);
});

test('windows grow while the reader keeps up, and not while it is slow', async () => {
  const quick = sessionPair({ timed: true, link: { latencyMs: 25 } });
  await pass(quick, 100);
  const near = quick.bastion.open({ service: 'web', visitor: '' });
  near.write(Buffer.alloc(32 * MIB));
  await pass(quick, 100);
  const read = countOf(quick.accepted.agent[0]!);
  await pass(quick, 3000);
  assert.equal(read(), 32 * MIB);
  assert.ok(quick.budgets.agent.granted > MIB, `${quick.budgets.agent.granted} bytes granted`);
});

test('however far windows grow, half of the budget is left for new streams', async () => {
  const pair = sessionPair({ timed: true, link: { latencyMs: 25 }, budgetBytes: 4 * MIB });
  await pass(pair, 100);
  for (let count = 0; count < 4; count++)
    pair.bastion.open({ service: 'web', visitor: '' }).write(Buffer.alloc(8 * MIB));
  await pass(pair, 100);
  for (const stream of pair.accepted.agent) stream.resume();
  await pass(pair, 2000);
  const grown = pair.budgets.agent.granted - 4 * LIMITS.credit;
  assert.ok(grown <= 2 * MIB && grown > MIB, `${grown} bytes`);
  const late = pair.bastion.open({ service: 'web', visitor: '' });
  late.on('error', assert.fail);
  await pass(pair, 100);
  assert.equal(pair.accepted.agent.length, 5);
});

test('small streams go before bulk, and bulk shares what is left', async () => {
  const pair = sessionPair({ timed: true, link: { latencyMs: 5, bandwidth: 1250 }, limits: { credit: MIB } });
  await pass(pair, 50);
  const bulk = Array.from({ length: 4 }, () => pair.bastion.open({ service: 'web', visitor: '' }));
  for (const stream of bulk) stream.write(Buffer.alloc(4 * MIB));
  await pass(pair, 3000);
  const counts = pair.accepted.agent.map(countOf);
  await pass(pair, 2000);
  const rates = counts.map((count) => count());
  assert.ok(Math.min(...rates) > 0.8 * Math.max(...rates), rates.join(', '));
  const small = pair.bastion.open({ service: 'web', visitor: '' });
  const asked = pair.clock.now();
  small.write('GET /');
  while (pair.accepted.agent.length < 5) await pass(pair, 1);
  // 80 KiB in flight take 66 ms here, and everything that is queued behind them would take seconds.
  assert.ok(pair.clock.now() - asked < 100, `${pair.clock.now() - asked} ms`);
});

test('a link that is not writable holds data back, not control frames', async () => {
  const pair = sessionPair({
    timed: true,
    link: { latencyMs: 1, bandwidth: 10, capacity: 20_000 },
    agent: { onStream: (stream) => void stream.resume().on('error', () => undefined) },
  });
  await pass(pair, 50);
  const stream = pair.bastion.open({ service: 'web', visitor: '' });
  stream.write(Buffer.alloc(MIB));
  await pass(pair, 10);
  assert.ok(!pair.links.bastion.writable);
  const bytes = pair.bastion.stats.bytesOut;
  stream.abort('upstream-closed');
  await pass(pair, 10);
  assert.equal(pair.bastion.stats.bytesOut, bytes);
  await pass(pair, 10_000);
  assert.equal(pair.agent.streams, 0);
});

test('fail gives up after 30 s without credit, but not while the peer still reads', async () => {
  const pair = sessionPair();
  const [near, far] = await openedPair(pair);
  near.write(Buffer.alloc(4 * LIMITS.credit));
  near.fail('upstream-failed');
  for (let round = 0; round < 4; round++) {
    await pass(pair, 20_000);
    assert.ok(!near.destroyed, `destroyed in round ${round}`);
    far.read(LIMITS.credit / 2);
    for (let turn = 0; turn < 10; turn++) await settled();
  }
  await pass(pair, 31_000);
  assert.ok(near.destroyed);
  far.resume();
  const [error] = (await once(far, 'error')) as [PosternError];
  assert.equal(error.code, 'upstream-failed');
});

test('fail after end sends what is queued and then RESET, not END', async () => {
  const pair = sessionPair();
  const [near, far] = await openedPair(pair);
  near.end(Buffer.alloc(2 * LIMITS.credit));
  near.fail('upstream-failed');
  near.fail('upstream-closed');
  const read = countOf(far);
  far.on('end', () => assert.fail('an end'));
  const [error] = (await once(far, 'error')) as [PosternError];
  assert.equal(error.code, 'upstream-failed');
  assert.equal(read(), 2 * LIMITS.credit);
});

test('an error that is not ours becomes stream-cancelled at the other end; one of ours keeps its code', async () => {
  const pair = sessionPair();
  for (const [thrown, code] of [
    [new Error('whatever'), 'stream-cancelled'],
    [new PosternError('upstream-refused'), 'upstream-refused'],
    [undefined, 'stream-cancelled'],
  ] as const) {
    const [near, far] = await openedPair(pair);
    near.on('error', () => undefined);
    near.destroy(thrown);
    const [error] = (await once(far, 'error')) as [PosternError];
    assert.equal(error.code, code);
  }
});

test('writes after the peer has reset are swallowed, and cost nothing', async () => {
  const pair = sessionPair();
  const [near, far] = await openedPair(pair);
  far.write('unread');
  await settled();
  far.fail('upstream-closed');
  for (let turn = 0; turn < 10; turn++) await settled();
  const { bytesOut } = pair.bastion.stats;
  for (let count = 0; count < 10; count++) near.write(Buffer.alloc(1000));
  for (let turn = 0; turn < 10; turn++) await settled();
  assert.equal(pair.bastion.stats.bytesOut, bytesOut);
  assert.equal(near.writableLength, 0);
  near.resume();
  await once(near, 'error');
});

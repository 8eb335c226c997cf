// Any mixture of opens, writes, ends, aborts, failures, pauses, stalls and cuts on both sides leaves every stream with an
// exact prefix of what was sent, an honest end, and nothing behind.

import assert from 'node:assert/strict';
import test from 'node:test';

import fc from 'fast-check';

import { PosternError } from '../../../shared/errors.ts';
import { settled } from '../../support/fake-clock.ts';
import { holds, randomFrom } from '../../support/property.ts';
import { other, sessionPair, SIDES, until, type SessionPair, type Side } from '../../support/session-pair.ts';
import { checkDirection, StreamEnd } from '../../support/stream-model.ts';

interface World {
  readonly pair: SessionPair;
  readonly random: () => number;
  /** Stream id -> its two ends; the acceptor's as soon as it is there. */
  readonly streams: Map<number, { opener: StreamEnd; acceptor: StreamEnd | undefined }>;
}

const CODES = ['upstream-failed', 'upstream-closed'] as const;
const GIVE_UPS = ['abort', 'fail', 'destroy'] as const;

function pick<T>(random: () => number, from: readonly T[]): T | undefined {
  return from[Math.floor(random() * from.length)];
}

function anyEnd({ streams, random }: World): StreamEnd | undefined {
  const ends = [...streams.values()].flatMap(({ opener, acceptor }) =>
    acceptor === undefined ? [opener] : [opener, acceptor],
  );
  return pick(random, ends);
}

const sizeOf = (random: () => number): number => Math.floor(random() ** 4 * 200_000) + 1;

type Move = (world: World, side: Side) => void | Promise<void>;

/** By weight: the more often listed, the more often drawn. */
const MOVES: readonly Move[] = [
  open,
  open,
  ...Array<Move>(8).fill((world) => anyEnd(world)?.write(sizeOf(world.random))),
  (world) => anyEnd(world)?.end(),
  (world) => anyEnd(world)?.end(),
  (world) => anyEnd(world)?.giveUp(pick(world.random, GIVE_UPS)!, pick(world.random, CODES)!),
  (world) => void anyEnd(world)?.stream.pause(),
  (world) => void anyEnd(world)?.stream.resume(),
  (world) => reentrant(world),
  ({ pair }, side) => void (pair.links[side].stalled = true),
  ({ pair }, side) => pair.links[side].resume(),
  ({ pair }) => pair.links.reconnect(),
  ({ pair, random }) => pair.clock.advance(random() * 300),
  () => settled(),
  () => settled(),
  () => settled(),
];

function open({ pair, streams }: World, side: Side): void {
  try {
    const stream = pair[side].open({ service: 'web', visitor: '' });
    streams.set(stream.id, { opener: new StreamEnd(stream, true), acceptor: undefined });
  } catch (error) {
    assert.equal((error as { code?: string }).code, 'stream-limit');
  }
}

/** Inside a 'data' event: destroys itself, or does something to any other stream. */
function reentrant(world: World): void {
  const end = anyEnd(world);
  if (end === undefined) return;
  end.inData = pick<(end: StreamEnd) => void>(world.random, [
    (self) => self.giveUp('destroy', 'upstream-failed'),
    (self) => self.giveUp('abort', 'upstream-failed'),
    (self) => void self.stream.pause(),
    (self) => self.write(1000),
    () => anyEnd(world)?.giveUp('abort', 'upstream-closed'),
    () => anyEnd(world)?.write(100),
  ])!;
}

function newWorld(seed: number): World {
  const streams: World['streams'] = new Map();
  const accept = (stream: StreamEnd['stream']): void => {
    const ends = streams.get(stream.id);
    assert.ok(ends !== undefined && ends.acceptor === undefined);
    ends.acceptor = new StreamEnd(stream, false);
  };
  const pair = sessionPair({
    link: { resumable: true },
    limits: { streams: 12, credit: 16_384 },
    bastion: { onStream: accept, longestWindow: 100_000 },
    agent: { onStream: accept, longestWindow: 100_000 },
  });
  return { pair, random: randomFrom(seed), streams };
}

/** Lets everything go on and end; streams that nobody ended are ended. */
async function finish({ pair, streams }: World): Promise<void> {
  pair.links.reconnect();
  for (const side of SIDES) pair.links[side].resume();
  for (let round = 0; round < 3; round++) {
    for (const { opener, acceptor } of streams.values())
      for (const end of [opener, acceptor]) {
        if (end === undefined) continue;
        end.inData = undefined;
        end.stream.resume();
        end.end();
      }
    await until(() => [...streams.values()].every(({ acceptor, opener }) => acceptor !== undefined || opener.closed));
  }
  await until(() => pair.bastion.streams + pair.agent.streams === 0);
  // 'close' is emitted a little after.
  await settled();
}

function check({ pair, streams }: World): void {
  for (const { opener, acceptor } of streams.values()) {
    assert.ok(opener.closed);
    // Refused by the other end, or given up before it got there.
    if (acceptor === undefined) {
      assert.ok(opener.gaveUp !== undefined || opener.error?.code === 'stream-limit', opener.error?.code);
      continue;
    }
    assert.ok(acceptor.closed);
    checkDirection(opener, acceptor);
    checkDirection(acceptor, opener);
  }
  for (const side of SIDES) {
    assert.equal(pair[side].streams, 0);
    assert.equal(pair.budgets[side].granted, 0, `${side}: granted credit is left over`);
  }
}

async function checkNothingLeft({ pair }: World): Promise<void> {
  assert.equal(pair.clock.pending, 2, 'one timer for the keepalive of each end, and no other');
  const closing = SIDES.map((side) => pair[side].close());
  // Each waits for the other's acknowledgement, looking every few milliseconds.
  await pair.clock.advance(100);
  await Promise.all(closing);
  assert.equal(pair.clock.pending, 0);
  for (const side of SIDES) assert.ok(['session-closed', 'link-closed'].includes((await pair[side].closed).code));
}

test('streams deliver an exact prefix, end honestly and leave nothing behind', async () => {
  const property = fc.asyncProperty(fc.nat(), fc.integer({ min: 5, max: 150 }), async (seed, moves) => {
    const world = newWorld(seed);
    for (let count = 0; count < moves; count++) {
      const side = pick(world.random, SIDES)!;
      await pick(world.random, MOVES)!(world, side);
    }
    await finish(world);
    check(world);
    await checkNothingLeft(world);
  });
  await holds(150, property);
});

test('a session that ends under way ends every stream with its code, and leaves nothing behind', async () => {
  const property = fc.asyncProperty(fc.nat(), fc.integer({ min: 5, max: 60 }), async (seed, moves) => {
    const world = newWorld(seed);
    const { pair, streams } = world;
    for (let count = 0; count < moves; count++) await pick(world.random, MOVES)!(world, pick(world.random, SIDES)!);
    const side = pick(world.random, SIDES)!;
    pair[side].destroy(new PosternError('link-dead'));
    assert.equal((await pair[side].closed).code, 'link-dead');
    await pair[other(side)].closed;
    for (const { opener, acceptor } of streams.values()) for (const end of [opener, acceptor]) end?.stream.resume();
    await until(() =>
      [...streams.values()].every(({ opener, acceptor }) => opener.closed && acceptor?.closed !== false),
    );
    for (const { opener, acceptor } of streams.values()) {
      if (acceptor === undefined) continue;
      for (const [from, to] of [
        [opener, acceptor],
        [acceptor, opener],
      ] as const) {
        assert.ok(to.read <= from.written);
        if (to.endSeen) assert.ok(from.endCalled && to.read === from.written);
        else assert.ok(to.error !== undefined || to.gaveUp !== undefined);
      }
    }
    for (const end of SIDES) {
      assert.equal(pair[end].streams, 0);
      assert.equal(pair.budgets[end].granted, 0);
    }
    assert.equal(pair.clock.pending, 0);
  });
  await holds(60, property);
});

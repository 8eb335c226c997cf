// Two links that lose their WebSocket in every way there is deliver each message once and in order: cuts seen by one end or
// both, delays, requests that overtake each other, replayed and forged ones, lost answers, late data of old connections.

import assert from 'node:assert/strict';
import test from 'node:test';

import fc from 'fast-check';

import { PosternError } from '../../../shared/errors.ts';
import { proofHolds, proofOf } from '../../../shared/link/resumption.ts';
import { WebSocketLink, type Carrier } from '../../../shared/link/websocket-link.ts';
import type { Resumption } from '../../../shared/wire/handshake.ts';
import { fakeCarriers, type FakeWebSocket } from '../../support/fake-carrier.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { LinkRecorder, numbered, upTo } from '../../support/link-recorder.ts';
import { holds, randomFrom } from '../../support/property.ts';
import { SIDES, type Side } from '../../support/session-pair.ts';

const KEY = Buffer.alloc(32, 7).toString('base64url');
const SESSION = 'ab'.repeat(16);

interface Answer {
  readonly attempt: number;
  readonly received: number;
  readonly carrier: Carrier;
}

class World {
  readonly random: () => number;
  readonly clock = new FakeClock();
  readonly links: Record<Side, WebSocketLink>;
  readonly seen: Record<Side, LinkRecorder>;
  readonly sent: Record<Side, number> = { bastion: 0, agent: 0 };
  /** Every WebSocket there ever was, the newest last. */
  readonly carriers: Record<Side, FakeWebSocket>[] = [];
  readonly requests: Resumption[] = [];
  readonly answers: Answer[] = [];
  attempt = 0;
  highest = 0;

  constructor(seed: number) {
    this.random = randomFrom(seed);
    const pair = fakeCarriers();
    this.carriers.push(pair);
    const options = { clock: this.clock, graceMs: 1e9 };
    this.links = {
      bastion: new WebSocketLink(pair.bastion.carrier, options),
      agent: new WebSocketLink(pair.agent.carrier, options),
    };
    this.seen = { bastion: new LinkRecorder(this.links.bastion), agent: new LinkRecorder(this.links.agent) };
  }

  pick<T>(from: readonly T[]): T | undefined {
    return from[Math.floor(this.random() * from.length)];
  }

  send(side: Side, count: number): void {
    for (let index = 0; index < count; index++)
      this.links[side].send(numbered(this.sent[side]++, Math.floor(this.random() ** 3 * 16_000)));
  }

  /** The agent dials. */
  ask(): void {
    if (!this.links.agent.waiting) return;
    const stated = { session: SESSION, attempt: ++this.attempt, received: this.links.agent.received };
    this.requests.push({ ...stated, proof: proofOf(KEY, stated) });
  }

  /** A request, or a copy of one, gets to the bastion. */
  judge(request: Resumption | undefined): void {
    if (request === undefined) return;
    const { bastion } = this.links;
    if (!proofHolds(KEY, request) || request.attempt <= this.highest) return;
    this.highest = request.attempt;
    bastion.lose(new PosternError('link-closed'));
    const pair = fakeCarriers();
    this.carriers.push(pair);
    this.answers.push({ attempt: request.attempt, received: bastion.received, carrier: pair.agent.carrier });
    bastion.resume(pair.bastion.carrier, request.received);
  }

  /** The 101 gets to the agent, which has given up all attempts but its last. */
  hear(answer: Answer | undefined): void {
    if (answer === undefined || answer.attempt !== this.attempt || !this.links.agent.waiting) return;
    this.answers.splice(this.answers.indexOf(answer), 1);
    this.links.agent.resume(answer.carrier, answer.received);
  }

  check(): void {
    for (const side of SIDES) {
      const from = side === 'agent' ? 'bastion' : 'agent';
      const { messages } = this.seen[side];
      assert.ok(messages.length <= this.sent[from]);
      // Cheap, since it is asked often: each new one has the next number.
      if (messages.length > 0) assert.equal(messages.at(-1)!.readUInt32BE(0), messages.length - 1);
      assert.deepEqual(this.seen[side].closes, []);
    }
  }
}

type Move = (world: World, side: Side) => void | Promise<void>;

const deliver: Move = (world, side) =>
  void world
    .pick(world.random() < 0.8 ? world.carriers.slice(-1) : world.carriers)
    ?.[side].deliver(1 + world.random() * 6);

const MOVES: readonly Move[] = [
  ...Array<Move>(6).fill((world, side) => world.send(side, 1 + Math.floor(world.random() * 5))),
  ...Array<Move>(8).fill(deliver),
  (world, side) => world.links[side].sendTransient(numbered(0)),
  (world, side) => world.links[side].lose(new PosternError('link-dead')),
  (world, side) => world.carriers.at(-1)?.[side].die(),
  (world, side) => world.pick(world.carriers)?.[side].die(),
  ({ carriers }) => SIDES.forEach((side) => carriers.at(-1)?.[side].die()),
  (world) => world.ask(),
  (world) => world.ask(),
  (world) => world.judge(world.requests.at(-1)),
  (world) => world.judge(world.requests.at(-1)),
  (world) => world.judge(world.pick(world.requests)),
  (world) => world.judge(forged(world)),
  (world) => world.hear(world.answers.at(-1)),
  (world) => world.hear(world.answers.at(-1)),
  (world) => world.hear(world.pick(world.answers)),
  (world) => world.clock.advance(world.random() * 40),
];

/** Guesses, without the key: none may touch the session. */
function forged(world: World): Resumption | undefined {
  const request = world.pick(world.requests);
  if (request === undefined) return undefined;
  const change = world.pick<Partial<Resumption>>([
    { attempt: request.attempt + 100 },
    { received: request.received + 1 },
    { proof: '' },
    { proof: proofOf(Buffer.alloc(32, 8).toString('base64url'), request) },
  ]);
  const guess = { ...request, ...change };
  assert.ok(!proofHolds(KEY, guess));
  return guess;
}

/** A working connection, everything delivered and acknowledged. */
async function finish(world: World): Promise<void> {
  const { links, carriers } = world;
  links.agent.lose(new PosternError('link-dead'));
  world.ask();
  world.judge(world.requests.at(-1));
  world.hear(world.answers.at(-1));
  for (let round = 0; round < 4; round++) {
    for (const pair of carriers) for (const side of SIDES) pair[side].deliver();
    await world.clock.advance(25);
  }
}

test('each message arrives once and in order, whatever happens to the connections', async () => {
  const property = fc.asyncProperty(fc.nat(), fc.integer({ min: 5, max: 200 }), async (seed, moves) => {
    const world = new World(seed);
    for (let count = 0; count < moves; count++) {
      await world.pick(MOVES)!(world, world.pick(SIDES)!);
      world.check();
    }
    await finish(world);
    for (const side of SIDES) {
      const from = side === 'agent' ? 'bastion' : 'agent';
      assert.deepEqual(world.seen[side].numbers, upTo(world.sent[from]));
      assert.equal(world.links[side].unacknowledged, 0);
      assert.equal(world.links[side].received, world.sent[from]);
    }
    assert.equal(world.clock.pending, 0);
  });
  await holds(250, property);
});

test('the model is no sleepwalk: it resumes, repeats and discards', async () => {
  let resumed = 0;
  let discarded = 0;
  for (let seed = 0; seed < 30; seed++) {
    const world = new World(seed);
    for (let count = 0; count < 150; count++) await world.pick(MOVES)!(world, world.pick(SIDES)!);
    await finish(world);
    resumed += world.seen.agent.replacements;
    for (const { bastion, agent } of world.carriers.slice(0, -1)) {
      discarded += bastion.sent.length + agent.sent.length;
    }
  }
  assert.ok(resumed > 60 && discarded > 100, `${resumed} resumed, ${discarded} messages on old connections`);
});

// Whatever bytes a peer sends, a session ends with a documented code or goes on; nothing is thrown out, and little is kept.

import assert from 'node:assert/strict';
import test from 'node:test';

import fc from 'fast-check';

import { ERRORS, isErrorCode, PosternError } from '../../../shared/errors.ts';
import { WebSocketLink } from '../../../shared/link/websocket-link.ts';
import { Session } from '../../../shared/mux/session.ts';
import { frameOf } from '../../../shared/wire/encode.ts';
import { FRAME, type FrameType } from '../../../shared/wire/frame.ts';
import { fakeCarriers } from '../../support/fake-carrier.ts';
import { FakeClock, settled } from '../../support/fake-clock.ts';
import { anyFrame, nearlyFrames, openFrame, u32, type Frame } from '../../support/frames.ts';
import { holds, randomFrom } from '../../support/property.ts';
import { RawPeer } from '../../support/raw-peer.ts';
import { LIMITS, SIDES, type Side } from '../../support/session-pair.ts';

interface Step {
  readonly what: 'open' | 'data' | 'end' | 'reset' | 'credit' | 'info' | 'any' | 'noise';
  readonly which: number;
  readonly size: number;
  readonly frame: Frame;
  readonly noise: Buffer;
}

const side = fc.constantFrom(...SIDES);

/** Mostly what makes sense, so that it gets deep; now and then what does not. */
const step: fc.Arbitrary<Step> = fc.record({
  what: fc.nat(99).map((number): Step['what'] => {
    if (number === 0) return 'noise';
    if (number < 3) return 'any';
    return (['open', 'data', 'data', 'data', 'data', 'data', 'end', 'reset', 'credit', 'info'] as const)[number % 10]!;
  }),
  which: fc.nat(5),
  size: fc.oneof(
    { weight: 4, arbitrary: fc.integer({ min: 1, max: 16_500 }) },
    { weight: 1, arbitrary: fc.nat(0xffff_ffff) },
  ),
  frame: anyFrame,
  noise: nearlyFrames,
});

/** Turns steps into frames of a peer that opens streams one after another, beside three that were opened towards it. */
function framesFrom(role: Side): (step: Step) => Buffer {
  const ids = role === 'bastion' ? [1, 3, 5] : [2, 4, 6];
  let next = role === 'bastion' ? 2 : 1;
  return ({ what, which, size, frame, noise }) => {
    const stream = ids.at(-1 - (which % ids.length))!;
    if (what === 'open') {
      ids.push(next);
      next += 2;
      return openFrame(next - 2, size);
    }
    if (what === 'data') return frameOf(FRAME.DATA, stream, Buffer.alloc(1 + (size % 16_000)));
    if (what === 'end') return frameOf(FRAME.END, stream, Buffer.alloc(0));
    if (what === 'reset') return frameOf(FRAME.RESET, stream, u32(size));
    if (what === 'credit') return frameOf(FRAME.CREDIT, stream, u32(size));
    if (what === 'info')
      return frameOf(FRAME.INFO, 0, Buffer.from('{"type":"readiness","service":"web","ready":true}'));
    return what === 'any' ? frameOf(frame.type as FrameType, frame.stream, frame.payload) : noise;
  };
}

/** A session with three streams of its own and a mixed lot of users for those that come. */
function busyPeer(role: Side, random: () => number): RawPeer {
  const peer = new RawPeer(role, {
    own: { ...LIMITS, credit: 16_384 },
    onStream: (stream) => {
      stream.on('error', () => undefined);
      const use = Math.floor(random() * 5);
      if (use === 0) stream.pipe(stream);
      if (use === 1) stream.end('hello');
      if (use === 2) stream.destroy();
      if (use === 3) stream.resume().end();
    },
  });
  for (let count = 0; count < 3; count++) {
    const stream = peer.session.open({ service: 'web', visitor: '' });
    stream.on('error', () => undefined);
    if (random() < 0.5) stream.resume();
    stream.write(Buffer.alloc(random() * 5000));
  }
  return peer;
}

test('a session that is sent anything ends with a code of the table, or not at all', async () => {
  const ends = new Map<string, number>();
  const steps = fc.array(step, { maxLength: 40 });
  const property = fc.asyncProperty(side, fc.nat(), steps, async (role, seed, moves) => {
    const random = randomFrom(seed);
    const peer = busyPeer(role, random);
    const frames = framesFrom(role);
    for (const each of moves) {
      if (random() < 0.005) peer.sendTransient(frames(each));
      else peer.send(frames(each));
      if (random() < 0.5) await settled();
    }
    for (let turn = 0; turn < 4; turn++) await settled();
    const code = peer.error?.code ?? 'none';
    ends.set(code, (ends.get(code) ?? 0) + 1);
    assert.ok(code === 'none' || (isErrorCode(code) && code !== 'internal'), peer.error?.stack);
    if (code !== 'none') assert.equal(peer.clock.pending, 0);
    peer.session.destroy(new PosternError('link-closed'));
  });
  await holds(1000, property);
  const codes = ERRORS.filter(({ wire }) => wire < 1007).map(({ code }) => code);
  const reached = codes.filter((code) => ends.has(code) || code === 'message-too-large');
  assert.deepEqual(reached, codes, `the garbage is not good enough: ${JSON.stringify([...ends])}`);
});

test('a link that is sent anything ends with a code of the table, or not at all', async () => {
  const header = fc
    .tuple(fc.nat(3), fc.nat(3))
    .map(([kind, acknowledged]) => Buffer.from([kind, 0, 0, 0, 0, 0, 0, acknowledged]));
  const bytes = fc.oneof(
    fc.tuple(header, nearlyFrames).map((parts) => Buffer.concat(parts)),
    fc
      .tuple(header, anyFrame)
      .map(([head, { type, stream, payload }]) => Buffer.concat([head, frameOf(type as FrameType, stream, payload)])),
    fc.uint8Array({ maxLength: 30 }).map((noise) => Buffer.from(noise)),
  );
  const property = fc.asyncProperty(side, fc.array(bytes, { maxLength: 8 }), async (role, messages) => {
    const clock = new FakeClock();
    const { bastion: own, agent: peer } = fakeCarriers();
    const session = new Session(new WebSocketLink(own.carrier, { clock }), {
      role,
      own: LIMITS,
      peer: LIMITS,
      clock,
      onStream: (stream) => void stream.on('error', () => undefined).resume(),
    });
    let code: string | undefined;
    void session.closed.then((error) => (code = error.code));
    for (const message of messages) peer.send(message);
    own.deliver();
    await clock.advance(30);
    if (code !== undefined) {
      assert.ok(isErrorCode(code) && code !== 'internal', code);
      assert.deepEqual(own.closedWith, { code: 4000, reason: code });
      await clock.advance(2000);
      assert.equal(clock.pending, 0);
    }
    assert.equal(own.listenerCount('message') === 0, code !== undefined);
  });
  await holds(1500, property);
});

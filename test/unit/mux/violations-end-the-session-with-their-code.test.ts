// A peer that breaks a rule ends its session, with the rule's code and a GOAWAY that says so; nothing is thrown out.

import assert from 'node:assert/strict';
import test from 'node:test';

import type { ErrorCode, PosternError } from '../../../shared/errors.ts';
import { errorEntry } from '../../../shared/errors.ts';
import { FLOOD_FRAMES } from '../../../shared/mux/flood.ts';
import { frameOf } from '../../../shared/wire/encode.ts';
import { FRAME, MAX_CREDIT, type FrameType } from '../../../shared/wire/frame.ts';
import { settled } from '../../support/fake-clock.ts';
import { openFrame, u32 } from '../../support/frames.ts';
import { RawPeer } from '../../support/raw-peer.ts';
import { LIMITS, until } from '../../support/session-pair.ts';

const ping = frameOf(FRAME.PING, 0, Buffer.alloc(8));
const open = openFrame(2, 65_536);
const data = (stream: number, bytes: number): Buffer => frameOf(FRAME.DATA, stream, Buffer.alloc(bytes));
const many = (frame: Buffer, count: number): Buffer[] => Array.from({ length: count }, () => frame);
/** More than the stream's first credit allows. */
const tooMuch = many(data(2, 16_000), Math.floor(LIMITS.credit / 16_000) + 1);

const VIOLATIONS: readonly (readonly [what: string, code: ErrorCode, send: (peer: RawPeer) => void])[] = [
  ['an unknown type', 'frame-unknown', (peer) => peer.send(frameOf(0x3f as FrameType, 1, Buffer.alloc(0)))],
  ['a frame that is too long', 'frame-too-large', (peer) => peer.send(Buffer.from([2, 255, 255, 255, 0, 0, 0, 1]))],
  ['a message that ends inside a frame', 'protocol-error', (peer) => peer.send(data(2, 10).subarray(0, 12))],
  ['a counted message without frames', 'protocol-error', (peer) => peer.send()],
  ['a number of ours in OPEN', 'stream-id-invalid', (peer) => peer.send(openFrame(3, 1000))],
  ['a number used before', 'stream-id-invalid', (peer) => peer.send(openFrame(4, 1000), openFrame(4, 1000))],
  ['a number that goes back', 'stream-id-invalid', (peer) => peer.send(openFrame(4, 1000), openFrame(2, 1000))],
  ['DATA for a stream that never was', 'stream-id-invalid', (peer) => peer.send(data(2, 1))],
  ['DATA for a stream we never opened', 'stream-id-invalid', (peer) => peer.send(data(1, 1))],
  ['more than the credit', 'credit-exceeded', (peer) => peer.send(open, ...tooMuch)],
  ['DATA after END', 'protocol-error', (peer) => peer.send(open, frameOf(FRAME.END, 2, Buffer.alloc(0)), data(2, 1))],
  ['END twice', 'protocol-error', (peer) => peer.send(open, ...many(frameOf(FRAME.END, 2, Buffer.alloc(0)), 2))],
  ['CREDIT of nothing', 'protocol-error', (peer) => peer.send(open, frameOf(FRAME.CREDIT, 2, u32(0)))],
  ['too much CREDIT', 'credit-overflow', (peer) => peer.send(open, frameOf(FRAME.CREDIT, 2, u32(MAX_CREDIT)))],
  ['too much credit in OPEN', 'credit-overflow', (peer) => peer.send(openFrame(2, MAX_CREDIT + 1))],
  ['OPEN that names an address', 'protocol-error', (peer) => peer.send(openFrame(2, 1, '127.0.0.1:22'))],
  ['INFO that is no JSON', 'protocol-error', (peer) => peer.send(frameOf(FRAME.INFO, 0, Buffer.from('{{')))],
  ['PING in a counted message', 'protocol-error', (peer) => peer.send(ping)],
  ['DATA in a transient message', 'protocol-error', (peer) => peer.sendTransient(open)],
  ['a flood of PING', 'flood', (peer) => peer.sendTransient(...many(ping, FLOOD_FRAMES + 1))],
  [
    'a flood of INFO',
    'flood',
    (peer) => peer.send(...many(frameOf(FRAME.INFO, 0, Buffer.from('{}')), FLOOD_FRAMES + 1)),
  ],
  [
    'a flood of GOAWAY',
    'flood',
    (peer) => peer.send(...many(frameOf(FRAME.GOAWAY, 0, Buffer.alloc(8)), FLOOD_FRAMES + 1)),
  ],
];

for (const [what, code, send] of VIOLATIONS)
  test(`${what}: ${code}`, async () => {
    const peer = new RawPeer();
    send(peer);
    await until(() => peer.error !== undefined);
    await settled();
    assert.equal(peer.error?.code, code);
    const reasons = peer.of(FRAME.GOAWAY).map(({ payload }) => payload.readUInt32BE(0));
    assert.deepEqual(reasons, [errorEntry(code).wire]);
    assert.ok(peer.link.closed);
    // Whoever has not read everything yet learns of the end afterwards.
    for (const stream of peer.accepted) stream.resume();
    await settled();
    assert.equal(peer.session.streams, 0);
    assert.equal(peer.clock.pending, 0);
  });

test('streams of a session that ended so get session-closed, with the violation as cause', async () => {
  const peer = new RawPeer();
  const stream = peer.session.open({ service: 'web', visitor: '' });
  const failed = new Promise<Error & { code?: string }>((resolve) => stream.on('error', resolve));
  peer.send(data(2, 1));
  const error = await failed;
  assert.equal(error.code, 'session-closed');
  assert.equal((error.cause as { code?: string }).code, 'stream-id-invalid');
});

test('opens that nobody at this end can answer are refused, and a flood of them is one', async () => {
  const peer = new RawPeer('bastion', { onStream: undefined as never });
  peer.send(openFrame(2, 1000));
  await until(() => peer.of(FRAME.RESET).length === 1);
  assert.equal(peer.of(FRAME.RESET)[0]?.payload.readUInt32BE(0), errorEntry('service-unknown').wire);
  peer.send(...Array.from({ length: FLOOD_FRAMES }, (_, index) => openFrame(4 + 2 * index, 1000)));
  await until(() => peer.error !== undefined);
  assert.equal(peer.error?.code, 'flood');
});

test('an end may take fewer or more than usual, before it is a flood', async () => {
  for (const floodFrames of [3, 2 * FLOOD_FRAMES]) {
    const peer = new RawPeer('bastion', { floodFrames });
    peer.sendTransient(...many(ping, floodFrames));
    await settled();
    assert.ok(peer.error === undefined);
    peer.sendTransient(ping);
    await until(() => peer.error !== undefined);
    assert.equal((peer.error as PosternError | undefined)?.code, 'flood');
  }
});

test('pings at a sober pace are answered for ever', async () => {
  const peer = new RawPeer();
  for (let round = 0; round < 5; round++) {
    peer.sendTransient(...many(ping, FLOOD_FRAMES));
    await settled();
    await peer.clock.advance(10_001);
  }
  await settled();
  assert.equal(peer.error, undefined);
  assert.equal(peer.transients.filter(({ type }) => type === FRAME.PONG).length, 5 * FLOOD_FRAMES);
});

test('what a listener of this end throws ends the session as internal, not as the fault of the peer', async () => {
  const peer = new RawPeer('bastion', {
    onInfo: () => {
      throw new Error('a bug of ours');
    },
  });
  peer.send(frameOf(FRAME.INFO, 0, Buffer.from('{"type":"links","hashes":[]}')));
  await until(() => peer.error !== undefined);
  assert.equal(peer.error?.code, 'internal');
});

test('unknown types from 0x40 up, late frames and PONGs nobody asked for are passed over', async () => {
  const peer = new RawPeer();
  peer.send(open, frameOf(FRAME.RESET, 2, u32(1100)));
  await until(() => peer.accepted.length === 1 && peer.session.streams === 0);
  peer.send(data(2, 100), frameOf(FRAME.END, 2, Buffer.alloc(0)), frameOf(FRAME.CREDIT, 2, u32(5)));
  peer.send(frameOf(0x40 as FrameType, 77, Buffer.alloc(100)));
  peer.sendTransient(frameOf(FRAME.PONG, 0, Buffer.alloc(8)));
  await settled();
  await settled();
  assert.equal(peer.error, undefined);
  assert.equal(peer.session.stats.lateFrames, 3);
});

// A session and any peer: it ends with a documented code or goes on, keeps within its budget, and leaves nothing behind.

import assert from 'node:assert/strict';

import { ERRORS, PosternError } from '../../../shared/errors.ts';
import type { Stream } from '../../../shared/mux/stream.ts';
import { settled } from '../../support/fake-clock.ts';
import { RawPeer } from '../../support/raw-peer.ts';
import { LIMITS } from '../../support/session-pair.ts';
import { documented, words, type Target } from '../target.ts';

/** What a peer can make a session say of it. */
const CODES = ERRORS.filter(({ wire }) => wire >= 1000 && wire < 1100).map(({ code }) => code);
const CREDIT = 16_384;
const STREAMS = 20;
/** Beyond what all streams together were granted: frames that wait, and Node's own buffers. */
const SLACK = 256 * 1024;

/** The streams' users, by what the first byte says: echo, leave, fail, read, stand still. */
const USERS: readonly ((stream: Stream) => void)[] = [
  (stream) => void stream.pipe(stream),
  (stream) => void stream.end('hello'),
  (stream) => void stream.destroy(),
  (stream) => void stream.resume().end(),
  (stream) => stream.fail('upstream-refused'),
  () => undefined,
];

export const target: Target = {
  longest: 20_000,
  dictionary: [
    ...[1, 2, 3, 4, 5, 6, 7, 8, 9, 0x40].map((type) => Buffer.from([type, 0, 0, 4, 0, 0, 0, 1])),
    ...words('web', '{"type":"readiness","service":"web","ready":true}'),
    Buffer.from('0100000a0000000100010000037765620000', 'hex'),
  ],
  async run(input) {
    const [first = 0, second = 0] = input;
    const role = (first & 1) === 0 ? 'bastion' : 'agent';
    const streams: Stream[] = [];
    let accepted = 0;
    const peer = new RawPeer(role, {
      own: { ...LIMITS, credit: CREDIT, streams: STREAMS },
      onStream: (stream) => {
        streams.push(stream.on('error', () => undefined));
        accepted += 1;
        USERS[(second + accepted) % USERS.length]?.(stream);
      },
      onInfo: () => undefined,
      onGoAway: () => undefined,
    });
    for (let count = 0; count < (first >> 1) % 4; count += 1) {
      const stream = peer.session.open({ service: 'web', visitor: '' }).on('error', () => undefined);
      streams.push(stream);
      if ((second & (1 << count)) === 0) stream.resume();
      stream.write(Buffer.alloc((second * 37) % 5000));
    }
    await play(peer, streams, input.subarray(2));
    const unread = streams.reduce((sum, { readableLength }) => sum + readableLength, 0);
    assert.ok(unread <= STREAMS * CREDIT + SLACK, `${unread} bytes unread`);
    await finish(peer, streams);
  },
};

/** `what and length u16 | bytes`, again and again: two bits say whether they are frames, and when, or something that this end does. */
async function play(peer: RawPeer, streams: readonly Stream[], script: Buffer): Promise<void> {
  for (let at = 0; at + 2 <= script.length && peer.error === undefined;) {
    const head = script.readUInt16BE(at);
    const end = at + 2 + (head & 0x3fff);
    const bytes = script.subarray(at + 2, end);
    if (head >> 14 === 3) peer.sendTransient(bytes);
    else if (head >> 14 === 2) await act(peer, streams, bytes);
    else peer.send(bytes);
    if (head >> 14 > 0) await settled();
    at = end;
  }
  for (let turn = 0; turn < 3; turn += 1) await settled();
}

type Act = (stream: Stream | undefined, which: number, peer: RawPeer) => unknown;

const ACTS: readonly Act[] = [
  (_stream, which, peer) => peer.clock.advance(which * 200),
  (stream) => stream?.resume(),
  (stream) => stream?.pause(),
  (stream, which) => stream?.writable === true && stream.write(Buffer.alloc(which * 200 + 1)),
  (stream) => stream?.end(),
  (stream) => stream?.fail('upstream-closed'),
  (stream) => stream?.abort('stream-cancelled'),
  (_stream, which, peer) => peer.session.goAway({ code: 'draining', reconnectAfterMs: which }),
];

async function act(peer: RawPeer, streams: readonly Stream[], [what = 0, which = 0]: Buffer): Promise<void> {
  await ACTS[what % ACTS.length]?.(streams[which % Math.max(1, streams.length)], which, peer);
}

async function finish(peer: RawPeer, streams: readonly Stream[]): Promise<void> {
  const said = peer.error;
  if (said !== undefined) {
    documented(CODES, said);
    assert.equal(peer.clock.pending, 0, 'timers of an ended session');
  } else peer.session.destroy(new PosternError('link-closed'));
  // What arrived before the end can still be read; then nothing is left.
  for (const stream of streams) stream.resume();
  for (let turn = 0; turn < 3; turn += 1) await settled();
  assert.equal(peer.clock.pending, 0, 'timers are left');
  assert.equal(peer.session.streams, 0, 'streams are left');
  assert.equal(peer.session.stats.grantedBytes, 0, 'credit is still granted');
}

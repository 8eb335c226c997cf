// When a link acknowledges: at the end of a turn with 16 KiB or more, after 20 ms, or with whatever it sends anyway.

import assert from 'node:assert/strict';
import test from 'node:test';

import { PosternError } from '../../../shared/errors.ts';
import { KIND, readLinkHeader, writeLinkHeader } from '../../../shared/link/link-header.ts';
import { WebSocketLink } from '../../../shared/link/websocket-link.ts';
import { fakeCarriers, type FakeWebSocket } from '../../support/fake-carrier.ts';
import { FakeClock, settled } from '../../support/fake-clock.ts';
import { LinkRecorder, numbered } from '../../support/link-recorder.ts';

interface World {
  readonly clock: FakeClock;
  readonly link: WebSocketLink;
  readonly recorder: LinkRecorder;
  /** The end of the link, and the end in the test's hand. */
  readonly own: FakeWebSocket;
  readonly peer: FakeWebSocket;
  arrive(...bytes: readonly number[]): void;
}

function world(): World {
  const clock = new FakeClock();
  const { bastion: own, agent: peer } = fakeCarriers();
  const link = new WebSocketLink(own.carrier, { clock });
  return {
    clock,
    link,
    recorder: new LinkRecorder(link),
    own,
    peer,
    arrive: (...sizes) => {
      for (const bytes of sizes) peer.send(counted(numbered(0, bytes), 0));
      own.deliver();
    },
  };
}

function counted(message: Buffer, acknowledged: number, kind: number = KIND.COUNTED): Buffer {
  writeLinkHeader(message, kind, acknowledged);
  return message;
}

const headers = (own: FakeWebSocket) =>
  own.sent.map((message) => ({ ...readLinkHeader(message), bytes: message.length }));

test('one small message is acknowledged after 20 ms, in a message of 8 bytes', async () => {
  const { clock, own, arrive } = world();
  arrive(100);
  await clock.advance(19);
  assert.deepEqual(own.sent, []);
  await clock.advance(1);
  assert.deepEqual(headers(own), [{ kind: KIND.TRANSIENT, acknowledged: 1, bytes: 8 }]);
  await clock.advance(1000);
  assert.equal(own.sent.length, 1);
  assert.equal(clock.pending, 0);
});

test('16 KiB are acknowledged at the end of the turn, once for all messages of it', async () => {
  const { clock, own, arrive } = world();
  arrive(8000, 8000, 8000, 8000);
  assert.deepEqual(own.sent, []);
  await settled();
  assert.deepEqual(headers(own), [{ kind: KIND.TRANSIENT, acknowledged: 4, bytes: 8 }]);
  await clock.advance(1000);
  assert.equal(own.sent.length, 1);
});

test('less than 16 KiB wait for 20 ms', async () => {
  const { own, arrive } = world();
  arrive(8000, 8000);
  await settled();
  assert.deepEqual(own.sent, []);
});

test('whatever is sent carries the count, and no bare acknowledgement follows', async () => {
  const { clock, link, own, arrive } = world();
  arrive(100, 100);
  link.send(numbered(0));
  link.sendTransient(numbered(1));
  await clock.advance(100);
  assert.deepEqual(
    headers(own).map(({ kind, acknowledged }) => [kind, acknowledged]),
    [
      [KIND.COUNTED, 2],
      [KIND.TRANSIENT, 2],
    ],
  );
});

test('transient messages and bare acknowledgements are not acknowledged', async () => {
  const { clock, peer, own } = world();
  peer.send(counted(numbered(0), 0, KIND.TRANSIENT));
  peer.send(counted(Buffer.alloc(8), 0, KIND.TRANSIENT));
  own.deliver();
  await clock.advance(1000);
  assert.deepEqual(own.sent, []);
});

test('an acknowledgement frees what it counts; one that was overtaken changes nothing', () => {
  const { link, own, peer, recorder } = world();
  for (const bytes of [100, 200, 300]) link.send(numbered(0, bytes));
  assert.equal(link.unacknowledged, 624);
  for (const [acknowledged, left] of [
    [2, 308],
    [1, 308],
    [3, 0],
  ] as const) {
    peer.send(counted(Buffer.alloc(8), acknowledged, KIND.TRANSIENT));
    own.deliver();
    assert.equal(link.unacknowledged, left);
  }
  assert.equal(recorder.drains, 2);
});

for (const [what, code, bytes] of [
  ['more acknowledged than was sent', 'acknowledgement-invalid', counted(Buffer.alloc(8), 1, KIND.TRANSIENT)],
  ['a count beyond 2^48', 'acknowledgement-invalid', Buffer.from([0, 1, 0, 0, 0, 0, 0, 0])],
  ['an unknown kind', 'protocol-error', Buffer.from([2, 0, 0, 0, 0, 0, 0, 0])],
  ['a message without a header', 'protocol-error', Buffer.alloc(7)],
] as const)
  test(`${what}: ${code}`, async () => {
    const { clock, own, peer, recorder } = world();
    peer.send(bytes);
    own.deliver();
    assert.equal(recorder.closes[0]?.code, code);
    assert.deepEqual(own.closedWith, { code: 4000, reason: code });
    await clock.advance(2000);
    assert.ok(own.socket.destroyed);
    assert.equal(clock.pending, 0);
  });

test('a text message is a protocol error', () => {
  const { own, recorder } = world();
  own.emit('message', Buffer.from('hello'), false);
  assert.equal(recorder.closes[0]?.code, 'protocol-error');
});

test('close code 4000 is final and carries a code; any other may be followed by a resumption', () => {
  for (const [code, reason, expected] of [
    [4000, 'replaced', 'replaced'],
    [4000, 'nonsense', 'link-closed'],
    [1006, '', undefined],
    [1001, 'replaced', undefined],
  ] as const) {
    const lost: PosternError[] = [];
    const { bastion } = fakeCarriers();
    const options = { clock: new FakeClock(), graceMs: 1000, onLost: (error: PosternError) => void lost.push(error) };
    const link = new WebSocketLink(bastion.carrier, options);
    const recorder = new LinkRecorder(link);
    bastion.die(code, reason);
    assert.equal(recorder.closes[0]?.code, expected);
    assert.equal(link.waiting, expected === undefined);
    assert.equal(lost.length, expected === undefined ? 1 : 0);
  }
});

test('a lost link closes when its grace is over, and cannot be resumed then', async () => {
  const clock = new FakeClock();
  const link = new WebSocketLink(fakeCarriers().agent.carrier, { clock, graceMs: 60_000 });
  const recorder = new LinkRecorder(link);
  link.send(numbered(0));
  link.lose(new PosternError('link-dead'));
  assert.ok(link.waiting && !link.writable);
  await clock.advance(59_999);
  assert.equal(recorder.closes.length, 0);
  await clock.advance(1);
  assert.equal(recorder.closes[0]?.code, 'link-dead');
  assert.throws(() => link.resume(fakeCarriers().agent.carrier, 0), { code: 'session-unknown' });
  assert.equal(clock.pending, 0);
});

test('a resumption that counts what was never sent, or forgets what was acknowledged, harms nothing', () => {
  const { link, own, peer } = world();
  for (const number of [0, 1, 2]) link.send(numbered(number));
  peer.send(counted(Buffer.alloc(8), 2, KIND.TRANSIENT));
  own.deliver();
  for (const received of [4, 1]) {
    assert.throws(() => link.resume(fakeCarriers().bastion.carrier, received), { code: 'acknowledgement-invalid' });
    assert.ok(!link.waiting && !link.closed && !own.socket.destroyed);
  }
});

test('a WebSocket that died before it was used is noticed', async () => {
  const { bastion } = fakeCarriers();
  bastion.readyState = 3;
  const link = new WebSocketLink(bastion.carrier, { clock: new FakeClock() });
  const recorder = new LinkRecorder(link);
  await settled();
  assert.equal(recorder.closes[0]?.code, 'link-closed');
});

test('late data of a WebSocket that was let go is neither delivered nor counted', () => {
  const { link, own, peer, recorder } = world();
  for (const number of [0, 1, 2]) peer.send(counted(numbered(number), 0));
  own.deliver(1);
  link.release();
  assert.equal(link.received, 1);
  own.deliver();
  assert.equal(link.received, 1);
  assert.equal(recorder.messages.length, 1);
});

test('pings of the WebSocket are answered, unless nobody reads the answers', () => {
  const { own } = world();
  own.emit('ping', Buffer.from('a'));
  own.bufferedAmount = 300 * 1024;
  own.emit('ping', Buffer.from('b'));
  assert.deepEqual(own.pongs.map(String), ['a']);
});

test('messages of one turn leave in one system call', async () => {
  const { link, own } = world();
  link.send(numbered(0));
  link.send(numbered(1));
  assert.equal(own.socket.corks, 1);
  await settled();
  assert.equal(own.socket.corks, 0);
});

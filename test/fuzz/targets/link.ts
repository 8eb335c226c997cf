// A link and any peer over a WebSocket that may be cut: a documented code or none, and no acknowledgement that can't be.

import assert from 'node:assert/strict';

import { ERRORS, PosternError } from '../../../shared/errors.ts';
import { WebSocketLink } from '../../../shared/link/websocket-link.ts';
import { LINK_HEADER_BYTES } from '../../../shared/mux/link.ts';
import { fakeCarriers, type FakeWebSocket } from '../../support/fake-carrier.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { documented, type Target } from '../target.ts';

/** A violation, or the end of a connection that nobody resumed. */
const CODES = ERRORS.filter(({ wire }) => (wire >= 1000 && wire < 1100) || wire === 1200).map(({ code }) => code);
const GRACE_MS = 1000;
const MESSAGE = Buffer.alloc(LINK_HEADER_BYTES + 100);

class Peer {
  readonly clock = new FakeClock();
  readonly link: WebSocketLink;
  received = 0;
  error: PosternError | undefined;
  own: FakeWebSocket;
  far: FakeWebSocket;

  constructor() {
    const { bastion, agent } = fakeCarriers();
    [this.own, this.far] = [bastion, agent];
    this.link = new WebSocketLink(this.own.carrier, { clock: this.clock, graceMs: GRACE_MS });
    this.link.listen({
      message: (frames) => {
        assert.ok(Buffer.isBuffer(frames));
        this.received += 1;
      },
      transient: () => undefined,
      drain: () => assert.ok(this.link.unacknowledged >= 0),
      replaced: () => undefined,
      close: (error) => (this.error = error),
    });
  }

  resume(received: number): void {
    const { bastion, agent } = fakeCarriers();
    try {
      this.link.resume(bastion.carrier, received);
      [this.own, this.far] = [bastion, agent];
    } catch (error) {
      documented(['acknowledgement-invalid', 'session-unknown'], error);
    }
  }
}

export const target: Target = {
  longest: 4_000,
  dictionary: [Buffer.from('0000000000000000', 'hex'), Buffer.from('0100000000000001', 'hex')],
  async run(input) {
    const peer = new Peer();
    for (let at = 0; at + 2 <= input.length && peer.error === undefined;) {
      const [what = 0, length = 0] = input.subarray(at);
      const bytes = input.subarray(at + 2, at + 2 + length);
      await step(peer, what, bytes);
      assert.ok(peer.link.received >= peer.received);
      at += 2 + (what % 8 === 0 ? length : 0);
    }
    await peer.clock.advance(GRACE_MS + 1);
    if (peer.error !== undefined) documented(CODES, peer.error);
    else peer.link.destroy(new PosternError('link-closed'));
    await peer.clock.advance(10_000);
    assert.equal(peer.clock.pending, 0, 'timers are left');
    assert.equal(peer.link.unacknowledged, 0);
  },
};

async function step(peer: Peer, what: number, bytes: Buffer): Promise<void> {
  const { link, far, own } = peer;
  if (what % 8 === 0) far.send(bytes);
  else if (what % 8 === 1) link.send(Buffer.from(MESSAGE));
  else if (what % 8 === 2) link.sendTransient(Buffer.from(MESSAGE.subarray(0, LINK_HEADER_BYTES)));
  else if (what % 8 === 3) own.die();
  else if (what % 8 === 4) peer.resume(bytes.length % 16);
  else if (what % 8 === 5) link.lose(new PosternError('link-dead'));
  else if (what % 8 === 6) own.emit('ping', bytes);
  else await peer.clock.advance(25);
  own.deliver();
}

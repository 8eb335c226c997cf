// Streams of several sessions, whose links are cut and resumed while bytes wait in sockets' buffers, get exactly their own
// bytes: memory that messages lay in is used again only when nobody can read them from it any more.

import assert from 'node:assert/strict';
import test from 'node:test';

import fc from 'fast-check';

import { PosternError } from '../../../shared/errors.ts';
import { WebSocketLink } from '../../../shared/link/websocket-link.ts';
import { Session } from '../../../shared/mux/session.ts';
import { fakeCarriers, type FakeWebSocket } from '../../support/fake-carrier.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { holds, randomFrom } from '../../support/property.ts';
import { LIMITS, SIDES, type Side } from '../../support/session-pair.ts';
import { StreamEnd } from '../../support/stream-model.ts';

/** One tunnel: two sessions over links that can be resumed. */
class Tunnel {
  readonly clock: FakeClock;
  readonly links: Record<Side, WebSocketLink>;
  readonly sessions: Record<Side, Session>;
  readonly ends: StreamEnd[] = [];
  carriers: Record<Side, FakeWebSocket> = fakeCarriers(true);

  constructor(clock: FakeClock) {
    this.clock = clock;
    const link = (side: Side): WebSocketLink => new WebSocketLink(this.carriers[side].carrier, { clock, graceMs: 1e9 });
    this.links = { bastion: link('bastion'), agent: link('agent') };
    const session = (role: Side): Session =>
      new Session(this.links[role], { role, own: LIMITS, peer: LIMITS, clock, onStream });
    const onStream = (stream: StreamEnd['stream']): void => void this.ends.push(new StreamEnd(stream, false));
    this.sessions = { bastion: session('bastion'), agent: session('agent') };
  }

  open(): void {
    const near = new StreamEnd(this.sessions.bastion.open({ service: 'web', visitor: '' }), true);
    this.ends.push(near);
    near.write(1);
  }

  cut(): void {
    for (const side of SIDES) this.links[side].lose(new PosternError('link-dead'));
  }

  resume(): void {
    this.cut();
    this.carriers = fakeCarriers(true);
    const received = { bastion: this.links.bastion.received, agent: this.links.agent.received };
    this.links.bastion.resume(this.carriers.bastion.carrier, received.agent);
    this.links.agent.resume(this.carriers.agent.carrier, received.bastion);
  }

  /** Everything that can move moves. */
  async rest(): Promise<void> {
    for (let round = 0; round < 300; round++) {
      for (const side of SIDES) this.carriers[side].write();
      for (const side of SIDES) this.carriers[side].deliver();
      await this.clock.advance(2);
    }
  }
}

type Move = (tunnel: Tunnel, random: () => number) => void | Promise<void>;
const sideOf = (random: () => number): Side => (random() < 0.5 ? 'bastion' : 'agent');
const endOf = ({ ends }: Tunnel, random: () => number): StreamEnd | undefined =>
  ends[Math.floor(random() * ends.length)];

const MOVES: readonly Move[] = [
  (tunnel) => tunnel.open(),
  ...Array<Move>(5).fill((tunnel, random) => endOf(tunnel, random)?.write(1 + Math.floor(random() ** 3 * 60_000))),
  ...Array<Move>(5).fill(({ carriers }, random) => carriers[sideOf(random)].write(1 + random() * 8)),
  ...Array<Move>(5).fill(({ carriers }, random) => void carriers[sideOf(random)].deliver(1 + random() * 8)),
  ...Array<Move>(4).fill(({ clock }, random) => clock.advance(random() * 10)),
  (tunnel) => tunnel.cut(),
  (tunnel) => tunnel.resume(),
  (tunnel) => tunnel.resume(),
];

test('streams get their own bytes, whatever waits in which buffer when a link is cut', async () => {
  let bytes = 0;
  const property = fc.asyncProperty(fc.nat(), fc.integer({ min: 20, max: 200 }), async (seed, moves) => {
    const random = randomFrom(seed);
    const clock = new FakeClock();
    const tunnels = [new Tunnel(clock), new Tunnel(clock), new Tunnel(clock)];
    for (const tunnel of tunnels) tunnel.open();
    for (let count = 0; count < moves; count++) {
      await MOVES[Math.floor(random() * MOVES.length)]!(tunnels[Math.floor(random() * 3)]!, random);
    }
    for (const tunnel of tunnels) {
      tunnel.resume();
      await tunnel.rest();
      for (const side of SIDES) assert.equal(tunnel.links[side].unacknowledged, 0);
      const read = tunnel.ends.reduce((sum, end) => sum + end.read, 0);
      const written = tunnel.ends.reduce((sum, end) => sum + end.written, 0);
      assert.equal(read, written);
      bytes += read;
      for (const side of SIDES) tunnel.sessions[side].destroy(new PosternError('session-closed'));
    }
  });
  await holds(60, property);
  assert.ok(bytes > 5_000_000, `only ${bytes} bytes went through`);
});

// A connection that falls into a black hole, nothing closed and nothing delivered: both ends notice within 30 s by their clocks.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';

import { Session } from '../../shared/mux/session.ts';
import type { WebSocketLink } from '../../shared/link/websocket-link.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { LinkWorld, MAX_MESSAGE, eventually } from '../support/link-world.ts';
import { TcpRelay } from '../support/tcp-relay.ts';

const LIMITS = { credit: 65_536, streams: 100, message: MAX_MESSAGE };
const NOTICED_MS = 30_000;

test('both ends lose the link for the same reason, keep the session for the grace, and then leave nothing behind', async () => {
  const clock = new FakeClock();
  const [world, lost] = [await LinkWorld.start(), [] as string[]];
  const relay = await TcpRelay.start({ target: world.port });
  const grace = { clock, graceMs: 60_000 };
  world.accepting = { ...grace, onLost: (error) => lost.push(`bastion ${error.code}`) };
  const link = { ...grace, onLost: (error: { code: string }) => lost.push(`agent ${error.code}`) };
  const [agentLink, bastionLink] = await world.pair({ port: relay.port, link });
  const common = { own: LIMITS, peer: LIMITS, clock };
  const agent = new Session(agentLink, {
    ...common,
    role: 'agent',
    onStream: (taken) => void taken.on('error', () => {}).pipe(taken),
  });
  const bastion = new Session(bastionLink, { ...common, role: 'bastion' });
  const stream = bastion.open({ service: 'web', visitor: '' });
  let echoed = '';
  stream.on('error', () => {}).on('data', (chunk: Buffer) => (echoed += String(chunk)));
  stream.write('hello');
  await eventually(() => echoed === 'hello');
  // Acknowledgements are held back for a moment by the clock that stands still.
  await clock.advance(20);
  await eventually(() => agentLink.unacknowledged + bastionLink.unacknowledged === 0);
  assert.equal(world.connections, 1);

  relay.blackHole();
  // What the relay had passed on already is a sign of life: it is read while the clock stands still.
  for (let turn = 0; turn < 10; turn += 1) await setImmediate();
  const waiting = (end: WebSocketLink): boolean => end.waiting;
  await clock.advance(NOTICED_MS);
  assert.deepEqual(lost.toSorted(), ['agent link-dead', 'bastion link-dead']);
  assert.ok([agentLink, bastionLink].every(waiting));
  await eventually(() => world.connections === 0);

  await clock.advance(grace.graceMs);
  assert.equal((await agent.closed).code, 'link-dead');
  assert.equal((await bastion.closed).code, 'link-dead');
  assert.equal(agent.streams + bastion.streams, 0);
  assert.equal(clock.pending, 0, 'no timer is left');
  await relay.close();
  await world.close();
});

// Several links of one agent: the first leads, each looks after itself while another one lives, and what ends one for good ends all.

import assert from 'node:assert/strict';
import test from 'node:test';

import { PosternError } from '../../../shared/errors.ts';
import { settled } from '../../support/fake-clock.ts';
import { nobodyThere, refusal, slotsFake } from '../../support/supervision.ts';

/** All links registered, and their sessions. */
async function threeUp() {
  const world = slotsFake(3);
  world.slots.start();
  const first = await world.last(0).accept();
  const [second, third] = [await world.last(1).accept(), await world.last(2).accept()];
  return { ...world, sessions: [first, second, third] as const };
}

const counts = ({ attempts }: { attempts: readonly unknown[][] }): number[] => attempts.map(({ length }) => length);

test('the others dial once the first link is registered, and not before', async () => {
  const world = slotsFake(3);
  world.slots.start();
  assert.deepEqual(counts(world), [1, 0, 0]);
  await world.last(0).reject(nobodyThere());
  await world.clock.advance(0);
  assert.deepEqual(counts(world), [2, 0, 0]);
  await world.last(0).accept();
  assert.deepEqual(counts(world), [2, 1, 1]);
  await world.last(2).accept();
  await world.last(1).accept();
  assert.deepEqual(world.log, ['failed 0 bastion-unreachable', 'up 0', 'up 2', 'up 1']);
});

test('the first refusal for good ends it; after that, no refusal of any link does', async () => {
  const refused = slotsFake(2);
  refused.slots.start();
  await refused.last(0).reject(refusal('name-taken'));
  assert.equal((await refused.slots.closed).code, 'name-taken');

  const world = slotsFake(2);
  world.slots.start();
  await world.last(0).accept();
  await world.last(1).reject(refusal('credential-expired'));
  await world.clock.advance(1000);
  assert.ok(counts(world)[1]! > 1);
  assert.deepEqual(world.log, ['up 0', 'failed 1 credential-expired']);
});

test('a link whose session is over is dialled again while the others serve, whichever it was', async () => {
  for (const slot of [0, 1, 2] as const) {
    const world = await threeUp();
    await world.sessions[slot].lose();
    await world.clock.advance(0);
    assert.deepEqual(counts(world), [1, 1, 1].with(slot, 2));
    await world.last(slot).accept();
    assert.equal(world.log.at(-1), `up ${slot}`);
  }
});

test('with no link left, the first alone knocks, and the others follow', async () => {
  const world = await threeUp();
  for (const session of world.sessions) await session.lose();
  await world.clock.advance(60_000);
  assert.deepEqual(counts(world), [2, 1, 1]);
  await world.last(0).reject(nobodyThere());
  await world.clock.advance(60_000);
  assert.deepEqual(counts(world), [3, 1, 1]);
  await world.last(0).accept();
  assert.deepEqual(counts(world), [3, 2, 2]);
});

test('a draining bastion is left link by link, each only when its next session stands', async () => {
  const world = await threeUp();
  for (const slot of [0, 1, 2]) await world.last(slot).sendAway({ code: 'draining', reconnectAfterMs: 500 });
  await world.clock.advance(500);
  assert.deepEqual(counts(world), [2, 1, 1]);
  assert.ok(world.sessions.every(({ closing }) => !closing));
  await world.last(0).accept();
  assert.deepEqual(
    world.sessions.map(({ closing }) => closing),
    [true, false, false],
  );
  assert.deepEqual(counts(world), [2, 2, 2]);
  for (const slot of [1, 2]) await world.last(slot).accept();
  assert.ok(world.sessions.every(({ closing, destroyed }) => closing && !destroyed));
});

test('GOAWAY of one link sends only that one for another session', async () => {
  const world = await threeUp();
  await world.last(1).sendAway({ code: 'draining', reconnectAfterMs: 0 });
  await world.clock.advance(0);
  assert.deepEqual(counts(world), [1, 2, 1]);
});

test('whichever link hears that a newer agent has the name: none dials again, and it is said once', async () => {
  const world = await threeUp();
  await world.sessions[0].lose();
  await world.last(2).sendAway({ code: 'replaced', reconnectAfterMs: 0 });
  await world.last(1).sendAway({ code: 'replaced', reconnectAfterMs: 0 });
  await world.clock.advance(600_000);
  await world.sessions[1].lose();
  await world.clock.advance(600_000);
  assert.deepEqual(counts(world), [1, 1, 1]);
  assert.deepEqual(
    world.log.filter((line) => line === 'replaced'),
    ['replaced'],
  );
  assert.equal(world.sessions[1].destroyed || world.sessions[2].destroyed, false);

  const refused = await threeUp();
  await refused.sessions[1].lose();
  await refused.clock.advance(0);
  await refused.sessions[2].lose();
  await refused.clock.advance(0);
  await refused.last(1).reject(refusal('replaced'));
  assert.ok(refused.last(2).signal.aborted);
  await refused.clock.advance(600_000);
  assert.deepEqual(counts(refused), [1, 2, 2]);
});

test('news goes over every session, with one number each', async () => {
  const world = await threeUp();
  world.slots.sendInfo({ type: 'links', hashes: [] });
  world.slots.sendInfo({ type: 'readiness', service: 'web', ready: true });
  const said = [
    { type: 'links', hashes: [], serial: 1 },
    { type: 'readiness', service: 'web', ready: true, serial: 2 },
  ];
  for (const { infos } of world.sessions) assert.deepEqual(infos, said);
});

test('closing waits for the streams of all links, those that wait to dial are let go', async () => {
  const world = await threeUp();
  for (const session of world.sessions.slice(1)) await session.lose();
  await world.clock.advance(0);
  const closing = world.slots.close();
  await settled();
  assert.ok(world.last(1).signal.aborted && world.last(2).signal.aborted);
  assert.ok(world.sessions[0].closing);
  await world.sessions[0].lose('session-closed');
  await closing;
  assert.equal((await world.slots.closed).code, 'session-closed');
});

test('destroying ends all of them now', async () => {
  const world = await threeUp();
  world.slots.destroy(new PosternError('session-closed'));
  assert.ok(world.sessions.every(({ destroyed }) => destroyed));
});

// Who comes while the agent's connection is broken waits for its return, up to a limit, and is then told the truth.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { test } from 'node:test';

import { DOMAIN, bastionWorld, eventually, instance } from '../../support/bastion-world.ts';
import { resumingWorld } from '../../support/resuming-world.ts';

const HOST = `demo.${DOMAIN}`;
const notebook = () => createServer((_request, response) => response.end('hello'));

test('a request made during the pause is answered after it', async (t) => {
  const world = await resumingWorld(t, notebook());
  world.relay.open = false;
  world.relay.cut();
  await eventually(() => world.pauses.length === 1, 'the agent notices');
  const answer = world.visit(HOST, '/');
  world.relay.open = true;
  assert.deepEqual([(await answer).status, (await answer).body], [200, 'hello']);
  assert.deepEqual(world.pauses, ['paused link-closed', 'resumed']);
});

test('beyond its patience it is told tunnel-paused, and the tunnel is still there afterwards', async (t) => {
  const world = await resumingWorld(t, notebook(), { pausePatienceMs: 1 });
  world.relay.open = false;
  world.relay.cut();
  await eventually(() => world.pauses.length === 1, 'the agent notices');
  const answer = await world.visit(HOST, '/', { headers: { accept: 'application/json' } });
  assert.equal(answer.status, 503);
  assert.equal((JSON.parse(answer.body) as { code: string }).code, 'tunnel-paused');
  world.relay.open = true;
  await eventually(() => world.pauses.includes('resumed'), 'the link is resumed');
  assert.equal((await world.visit(HOST, '/')).body, 'hello');
});

test('a link that nobody resumes within the grace is the end of its tunnel', async (t) => {
  const world = await resumingWorld(t, notebook(), { resumeMs: 1 });
  world.relay.open = false;
  world.relay.cut();
  await world.registered.session.closed;
  const answer = await world.visit(HOST, '/', { headers: { accept: 'application/json' } });
  assert.equal((JSON.parse(answer.body) as { code: string }).code, 'tunnel-absent');
});

test('right after a start, visitors wait for names that are on their way back', async (t) => {
  const world = await bastionWorld(t, { expectMs: 60_000 });
  const answer = world.visit(HOST, '/', { headers: { accept: 'application/json' } });
  await world.agent(await world.token(), { instance: instance() });
  // Private: whoever waited for the tunnel is asked who they are.
  assert.equal((JSON.parse((await answer).body) as { code: string }).code, 'sign-in-needed');
});

test('a name that has not come back by then is unknown', async (t) => {
  const world = await bastionWorld(t, { expectMs: 1 });
  const answer = await world.visit(HOST, '/', { headers: { accept: 'application/json' } });
  assert.equal((JSON.parse(answer.body) as { code: string }).code, 'name-unknown');
});

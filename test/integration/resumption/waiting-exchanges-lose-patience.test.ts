// Who was waiting for an answer when the agent's connection broke waits no longer than who comes then; what has begun goes on.

import assert from 'node:assert/strict';
import { createServer, type ServerResponse } from 'node:http';
import { Agent } from 'node:https';
import { test } from 'node:test';

import type { Session } from '../../../shared/mux/session.ts';
import { DOMAIN, eventually } from '../../support/bastion-world.ts';
import { resumingWorld } from '../../support/resuming-world.ts';

const HOST = `demo.${DOMAIN}`;
const JSON_ONLY = { headers: { accept: 'application/json' } };

test('a request that waits is told tunnel-paused, one whose answer has begun is not touched', async (t) => {
  const asked = new Map<string, ServerResponse>();
  const notebook = createServer((request, response) => {
    asked.set(request.url ?? '', response);
    if (request.url === '/begun') response.write('half ');
  });
  const world = await resumingWorld(t, notebook, { pausePatienceMs: 50 });
  const [waiting, begun] = [world.visit(HOST, '/waiting', JSON_ONLY), world.visit(HOST, '/begun')];
  await eventually(() => asked.size === 2, 'both reach the notebook');
  const begunThere = (): boolean => {
    const { bytesOut, unacknowledgedBytes } = (world.registered.session as Session).stats;
    return bytesOut > 0 && unacknowledgedBytes === 0;
  };
  await eventually(begunThere, 'the answer has begun, and the bastion has it');
  world.relay.open = false;
  world.relay.cut();
  const { status, body } = await waiting;
  assert.deepEqual([status, (JSON.parse(body) as { code: string }).code], [503, 'tunnel-paused']);
  world.relay.open = true;
  await eventually(() => world.pauses.includes('resumed'), 'the link is resumed');
  asked.get('/begun')?.end('whole');
  assert.equal((await begun).body, 'half whole');
});

test('a kept stream that is used during the pause loses patience, too, and is not tried twice', async (t) => {
  const world = await resumingWorld(
    t,
    createServer((_request, response) => response.end('hello')),
    { pausePatienceMs: 50 },
  );
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  t.after(() => agent.destroy());
  assert.equal((await world.visit(HOST, '/', { agent })).body, 'hello');
  world.relay.open = false;
  world.relay.cut();
  await eventually(() => world.pauses.length === 1, 'the agent notices');
  const { status, body } = await world.visit(HOST, '/', { ...JSON_ONLY, agent });
  assert.deepEqual([status, (JSON.parse(body) as { code: string }).code], [503, 'tunnel-paused']);
});

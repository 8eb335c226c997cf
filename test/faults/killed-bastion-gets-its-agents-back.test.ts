// A bastion that dies without a word and is away for a while: its agents come back by themselves, and no visitor has to try twice.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { request, Agent } from 'node:https';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';

import { lookup } from '../../shared/net/resolve.ts';
import { DOMAIN, eventually } from '../support/bastion-world.ts';
import { handedOver } from '../support/handed-over.ts';
import { supervisedAgent } from '../support/supervised-agent.ts';
import { CutRelay } from '../support/cut-relay.ts';

const LONG = process.env['POSTERN_FAULTS'] === 'long';
const AGENTS = LONG ? 500 : 50;
const AWAY_MS = LONG ? 60_000 : 1500;

test(`${AGENTS} agents are back soon after a killed bastion is, refused by nobody, and visitors wait for them`, async (t) => {
  const world = await handedOver(t, 2, ['--start-patience', '30s']);
  const [dead, next] = world.bastions as [(typeof world.bastions)[0], (typeof world.bastions)[0]];
  await dead.start();
  // An inherited socket would queue the agents: the relay refuses them, as a host without a bastion does.
  const relay = await CutRelay.to(world.port);
  const upstream = createServer((_request, response) => response.end('hello')).listen(0, '127.0.0.1');
  await once(upstream, 'listening');
  const upstreamPort = (upstream.address() as AddressInfo).port;
  const names = Array.from({ length: AGENTS }, (_, index) => `name-${index}`);
  const agents = await Promise.all(
    names.map(async (name) =>
      supervisedAgent({ name, port: relay.port, ca: world.ca(), token: await world.token(name), upstreamPort }),
    ),
  );
  t.after(() => {
    for (const agent of agents) agent.close();
    relay.close();
    upstream.close();
    upstream.closeAllConnections();
  });
  const serving = (): number => agents.filter(({ supervisor }) => supervisor.state === 'serving').length;
  await eventually(() => serving() === AGENTS, 'all have registered');
  const before = agents.map(({ events }) => events.length);

  relay.open = false;
  await dead.stop('SIGKILL');
  relay.cut();
  await new Promise((resolve) => setTimeout(resolve, AWAY_MS));
  await next.start();
  const answers = names.slice(0, 10).map(
    (name) =>
      new Promise<number>((resolve, reject) => {
        const options = { host: `${name}.${DOMAIN}`, port: world.port, ca: world.ca(), lookup, agent: new Agent() };
        request(options, (response) => resolve(response.resume().statusCode ?? 0))
          .on('error', reject)
          .end();
      }),
  );
  relay.open = true;
  const cameBack = (events: readonly string[], from: number): boolean =>
    events.slice(from).some((event) => event.startsWith('up '));
  const back = (): number => agents.filter(({ events }, index) => cameBack(events, before[index] as number)).length;
  const returned = performance.now();
  await eventually(() => back() >= AGENTS / 2, 'half of the agents are back', 15_000);
  const medianMs = performance.now() - returned;
  await eventually(() => back() === AGENTS, 'all agents are back', 15_000);
  t.diagnostic(`half back after ${Math.round(medianMs)} ms, all after ${Math.round(performance.now() - returned)} ms`);
  assert.deepEqual(new Set(await Promise.all(answers)), new Set([200]));
  // Each resumes in vain, and is taken anew by the same handshake: nobody is turned away at the door.
  const refusals = next.output.split('\n').filter((line) => line.includes('registration refused'));
  assert.deepEqual(refusals, []);
  assert.equal(next.output.split('agent registered').length - 1, AGENTS);
});

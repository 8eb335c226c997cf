// Limits of tunnels: who comes beyond one is refused with its code and told when to come back; who is there is not harmed.

import assert from 'node:assert/strict';
import { createServer, type ServerResponse } from 'node:http';
import { test } from 'node:test';

import { DialError } from '../../../shared/link/dial.ts';
import { DOMAIN, TUNNEL_LIMITS, bastionWorld, eventually, instance } from '../../support/bastion-world.ts';
import { severalLinksWorld } from '../../support/several-links-world.ts';
import { supervisedAgent } from '../../support/supervised-agent.ts';

const HOST = `demo.${DOMAIN}`;
const JSON_ONLY = { headers: { accept: 'application/json' } };

async function refusal(dialled: Promise<unknown>): Promise<DialError> {
  const error: unknown = await dialled.then(
    () => assert.fail('it was let in'),
    (cause: unknown) => cause,
  );
  assert.ok(error instanceof DialError);
  return error;
}

test('an owner has so many tunnels; another owner, and the place of one that ended, are not touched', async (t) => {
  const world = await bastionWorld(t, { tunnelLimits: { ...TUNNEL_LIMITS, tunnels: 2 } });
  const [alice, bob] = [await world.token(), await world.token({ owner: 'bob' })];
  const first = await world.agent(alice, { names: ['a-1'] });
  await world.agent(alice, { names: ['a-2'] });
  const error = await refusal(world.agent(alice, { names: ['a-3'] }));
  assert.deepEqual([error.code, error.status], ['tunnel-limit', 429]);
  assert.ok((error.retryAfterMs ?? 0) >= 5_000);
  await world.agent(bob, { names: ['b-1'] });
  await first.session.close();
  await world.agent(alice, { names: ['a-3'] });
});

test('a tunnel has so many links; an agent that wants more goes on with those it got', async (t) => {
  const notebook = createServer((_request, response) => response.end('hello'));
  const world = await severalLinksWorld(t, notebook, 2, { tunnelLimits: { ...TUNNEL_LIMITS, links: 2 } });
  assert.equal((await world.visit(HOST, '/')).body, 'hello');

  const port = (notebook.address() as { port: number }).port;
  const greedy = supervisedAgent({
    ...{ name: 'greedy', port: world.bastion.port, ca: world.ca, token: await world.token(), upstreamPort: port },
    links: 3,
  });
  t.after(() => greedy.close());
  const up = (): number => greedy.events.filter((event) => event.startsWith('up')).length;
  await eventually(
    () => up() >= 2 && greedy.events.includes('failed link-limit'),
    'two are taken, the third is refused',
  );
  assert.equal(up(), 2);
  assert.equal((await world.visit(`greedy.${DOMAIN}`, '/')).body, 'hello');
});

test('links that are leaving count, so that coming again and again piles up nothing', async (t) => {
  const world = await bastionWorld(t, { tunnelLimits: { ...TUNNEL_LIMITS, links: 3 } });
  const token = await world.token();
  const self = instance();
  for (let count = 0; count < 3; count++) {
    const { session } = await world.agent(token, { instance: self });
    session.goAway({ code: 'draining', reconnectAfterMs: 0 });
  }
  const codes = new Set<string>();
  // GOAWAY needs a moment to arrive; until then a newcomer takes the place of the link before it.
  for (let count = 0; count < 20 && !codes.has('link-limit'); count++) {
    const coming = await world.agent(token, { instance: self }).catch((cause: unknown) => cause as DialError);
    if (coming instanceof DialError) codes.add(coming.code);
    else coming.session.goAway({ code: 'draining', reconnectAfterMs: 0 });
  }
  assert.deepEqual([...codes], ['link-limit']);
});

test('one tunnel may bring so many names', async (t) => {
  const world = await bastionWorld(t, { tunnelLimits: { ...TUNNEL_LIMITS, names: 2 } });
  const token = await world.token();
  const error = await refusal(world.agent(token, { names: ['demo', 'demo-2', 'demo-3'] }));
  assert.deepEqual([error.code, error.detail], ['registration-malformed', 'names: more than 2']);
  await world.agent(token, { names: ['demo', 'demo-2'] });
});

test('streams beyond the number or the rate are refused, those of other tunnels and those that are there are not', async (t) => {
  const waiting: ServerResponse[] = [];
  const notebook = createServer((asked, response) => {
    if (asked.url === '/wait') waiting.push(response);
    else response.end('hello');
  });
  const limits = { ...TUNNEL_LIMITS, streams: 3, opens: { perSecond: 1, burst: 6 } };
  const world = await severalLinksWorld(t, notebook, 2, { tunnelLimits: limits });
  const port = (notebook.address() as { port: number }).port;
  const other = supervisedAgent({
    ...{ name: 'other', port: world.bastion.port, ca: world.ca, token: await world.token(), upstreamPort: port },
  });
  t.after(() => other.close());
  await eventually(() => other.supervisor.state === 'serving', 'the other tunnel is there');

  const waits = [1, 2, 3].map(() => world.visit(HOST, '/wait'));
  await eventually(() => waiting.length === 3, 'three streams are open');
  const full = await world.visit(HOST, '/', JSON_ONLY);
  assert.deepEqual([full.status, (JSON.parse(full.body) as { code: string }).code], [503, 'stream-limit']);
  waiting.shift()?.end('waited');
  assert.equal((await Promise.race(waits)).body, 'waited');
  await eventually(() => world.running.sessions.reduce((sum, { streams }) => sum + streams, 0) === 2, 'one has ended');

  const codes: string[] = [];
  for (let count = 0; count < 20 && !codes.includes('stream-rate'); count++) {
    const { body } = await world.visit(HOST, '/', JSON_ONLY);
    codes.push(body === 'hello' ? body : (JSON.parse(body) as { code: string }).code);
  }
  assert.equal(codes.at(-1), 'stream-rate');
  assert.equal((await world.visit(`other.${DOMAIN}`, '/')).body, 'hello');
  for (const response of waiting) response.end('waited');
  assert.deepEqual(
    (await Promise.all(waits)).map(({ body }) => body),
    ['waited', 'waited', 'waited'],
  );
});

test('credit is counted for the tunnel: a second link brings no second budget', async (t) => {
  const notebook = createServer((_request, response) => response.end(Buffer.alloc(1024)));
  const world = await severalLinksWorld(t, notebook, 2, { sessionCredit: 2 ** 20 });
  const granted = async (): Promise<number> => {
    const answer = await fetch(`http://127.0.0.1:${world.bastion.adminPort}/metrics`);
    return Number(/postern_buffered_bytes\{where="granted"\} (\d+)/.exec(await answer.text())?.[1]);
  };
  const agents = world.running.sessions;
  assert.equal(agents.length, 2);
  // More than 1 MiB could never be granted to the streams of one tunnel, on however many links.
  const visits = Array.from({ length: 60 }, () => world.visit(HOST, '/', JSON_ONLY));
  assert.ok((await granted()) <= 2 ** 20);
  const statuses = new Set((await Promise.all(visits)).map(({ status }) => status));
  assert.ok(statuses.has(200));
  await eventually(() => agents.every(({ streams }) => streams === 0), 'all is over');
  assert.equal(await granted(), 0);
});

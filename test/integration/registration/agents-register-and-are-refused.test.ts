// Registering with a real bastion: what the 101 says, and every refusal as plain HTTP with a problem document.

import assert from 'node:assert/strict';
import test from 'node:test';

import { DialError } from '../../../shared/link/dial.ts';
import { SUBPROTOCOL, TUNNEL_PATH } from '../../../shared/wire/handshake.ts';
import { DOMAIN, bastionWorld, eventually, instance } from '../../support/bastion-world.ts';

test('an agent with a good token gets addresses, limits and its deadline', async (t) => {
  const world = await bastionWorld(t);
  const agent = await world.agent(await world.token(), { names: ['demo', 'demo-2'] });
  const { acceptance } = agent;
  assert.deepEqual(acceptance.urls, {
    demo: `https://demo.${DOMAIN}:${world.bastion.port}/`,
    'demo-2': `https://demo-2.${DOMAIN}:${world.bastion.port}/`,
  });
  assert.match(acceptance.session, /^[0-9a-f]{32}$/);
  assert.equal(Buffer.from(acceptance.resumeKey, 'base64url').length, 32);
  assert.ok(acceptance.expiresAt > Date.now() + 3_500_000 && acceptance.expiresAt <= Date.now() + 3_601_000);
  const other = await world.agent(await world.token(), { names: ['demo-3'] });
  assert.notEqual(other.acceptance.session, acceptance.session);
  assert.notEqual(other.acceptance.resumeKey, acceptance.resumeKey);
});

test('refusals come over HTTP with their codes, and nobody is registered', async (t) => {
  const world = await bastionWorld(t);
  const alice = await world.token({ names: ['demo'] });
  const cases: [string, string, Record<string, unknown>, number, string][] = [
    ['no credential', '', {}, 401, 'credential-missing'],
    ['garbage', 'garbage', {}, 401, 'credential-invalid'],
    ["a visitor's token", await world.token({ use: 'visitor' }), {}, 401, 'credential-invalid'],
    ['a foreign name', alice, { names: ['other'] }, 403, 'name-not-allowed'],
    ['a reserved name', await world.token(), { names: ['www'] }, 400, 'name-invalid'],
    ['no name', alice, { names: [] }, 400, 'registration-malformed'],
    ['an odd instance', alice, { instance: 'x' }, 400, 'registration-malformed'],
    ['no credential, and nonsense', '', { instance: 'x' }, 401, 'credential-missing'],
  ];
  for (const [what, token, change, status, code] of cases) {
    const error = await world.agent(token, change).then(
      () => assert.fail(what),
      (cause: unknown) => cause,
    );
    assert.ok(error instanceof DialError, what);
    assert.deepEqual([error.status, error.code, error.problem?.code], [status, code, code], what);
    assert.ok(token === '' || !JSON.stringify(error.problem).includes(token));
  }
  assert.equal((await world.visit(`demo.${DOMAIN}`, '/')).status, 404);
});

test('an agent of another protocol is told which one is spoken here', async (t) => {
  const world = await bastionWorld(t);
  const headers = {
    authorization: `Bearer ${await world.token()}`,
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': Buffer.alloc(16).toString('base64'),
    'sec-websocket-protocol': 'postern.9',
  };
  const answer = await world.visit(DOMAIN, TUNNEL_PATH, { headers });
  assert.equal(answer.status, 426);
  assert.equal(answer.headers['sec-websocket-protocol'], SUBPROTOCOL);
  assert.equal((JSON.parse(answer.body) as { code: string }).code, 'version-unsupported');
});

test('the same agent and slot replaces its old link; another slot is added', async (t) => {
  const world = await bastionWorld(t);
  const token = await world.token();
  const self = instance();
  const first = await world.agent(token, { instance: self });
  const beside = await world.agent(token, { instance: self, slot: 1 });
  const second = await world.agent(token, { instance: self });
  assert.equal((await first.session.closed).code, 'link-closed');
  assert.deepEqual([first.goAways, beside.goAways, second.goAways], [[], [], []]);
});

test('a newer agent of the owner wins; the older one hears it, and stays out when it dials again', async (t) => {
  const world = await bastionWorld(t);
  const token = await world.token();
  const self = instance();
  const old = await world.agent(token, { instance: self });
  const newer = await world.agent(token);
  await old.session.closed;
  assert.deepEqual(
    old.goAways.map(({ code }) => code),
    ['replaced'],
  );
  await assert.rejects(world.agent(token, { instance: self }), { code: 'replaced', status: 409 });
  assert.deepEqual(newer.goAways, []);
});

test('two owners that ask for one name at the same instant: one of them gets it', async (t) => {
  const world = await bastionWorld(t);
  const tokens = await Promise.all(['alice', 'bob', 'carol', 'dave'].map((owner) => world.token({ owner })));
  const results = await Promise.allSettled(tokens.map((token) => world.agent(token)));
  const inside = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  let alive = inside.length;
  for (const { session } of inside) void session.closed.then(() => (alive -= 1));
  await eventually(() => alive === 1, 'one is left');
  const refused = results.filter((result) => result.status === 'rejected');
  for (const { reason } of refused) assert.equal((reason as DialError).code, 'name-taken');
  assert.equal((await world.visit(`demo.${DOMAIN}`, '/', { headers: { accept: 'application/json' } })).status, 401);
});

test('a tunnel ends with its credential', async (t) => {
  const world = await bastionWorld(t);
  const agent = await world.agent(await world.token({ ttlMs: 1000 }));
  await agent.session.closed;
  assert.deepEqual(
    agent.goAways.map(({ code }) => code),
    ['credential-expired'],
  );
  await assert.rejects(world.agent(await world.token({ ttlMs: 1000 }), { names: [] }), {
    code: 'registration-malformed',
  });
  const answer = await world.visit(`demo.${DOMAIN}`, '/', { headers: { accept: 'application/json' } });
  assert.equal(answer.status, 503);
  assert.equal((JSON.parse(answer.body) as { code: string }).code, 'tunnel-absent');
});

test('agents beyond the rate are told when to come back, and strangers do not use it up', async (t) => {
  const world = await bastionWorld(t, { handshakes: { inFlight: 10, perSecond: 1, burst: 1 } });
  const token = await world.token();
  for (let i = 0; i < 3; i++) await assert.rejects(world.agent('garbage'), { code: 'credential-invalid' });
  await world.agent(token);
  const error: unknown = await world.agent(token, { names: ['demo-2'] }).catch((cause: unknown) => cause);
  assert.ok(error instanceof DialError);
  assert.equal(error.code, 'handshake-limit');
  assert.ok((error.retryAfterMs ?? 0) >= 1000);
});

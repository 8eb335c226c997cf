// The API for submit hosts: tokens made, listed and taken back, names reserved; only what the caller's token allows.

import assert from 'node:assert/strict';
import test from 'node:test';
import type { TestContext } from 'node:test';

import { bastionCommand } from '../support/bastion-command.ts';
import { DOMAIN, bastionWorld } from '../support/bastion-world.ts';
import type { BastionWorld } from '../support/bastion-world.ts';

const HOUR = 3_600_000;

interface Reply {
  readonly status: number;
  readonly json: Record<string, unknown>;
}

/** Calls the API as the bearer of a token made by the command line. */
async function open(t: TestContext, options: readonly string[] = [], change = {}) {
  const world = await bastionWorld(t, change);
  const common = ['--state', world.state, '--owner', 'submit-1', '--use', 'api'];
  const more = options.length > 0 ? options : ['--name', '*', '--for', '*'];
  const token = (await bastionCommand('token', 'create', ...common, ...more)).trim();
  return { world, token, call: (what: string, body?: unknown) => call(world, token, what, body) };
}

async function call(world: BastionWorld, token: string, what: string, body?: unknown): Promise<Reply> {
  const [method = '', path = ''] = what.split(' ');
  const answer = await world.visit(DOMAIN, `/_postern/api/${path}`, {
    method,
    headers: token === '' ? {} : { authorization: `Bearer ${token}` },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  return { status: answer.status, json: (answer.body === '' ? {} : JSON.parse(answer.body)) as Reply['json'] };
}

test('a token made by the API registers its owner’s agent, is listed, and ends when it is taken back', async (t) => {
  const { world, call: api } = await open(t);
  const made = await api('POST tokens', { owner: 'alice', names: ['alice-*'], ttl: '1h' });
  assert.equal(made.status, 201);
  const { id, token, expires, use } = made.json as Record<string, string>;
  assert.equal(use, 'agent');
  assert.ok(Math.abs(Date.parse(expires ?? '') - Date.now() - HOUR) < 60_000);
  const agent = await world.agent(token ?? '', { names: ['alice-1'] });
  const listed = (await api('GET tokens?owner=alice')).json['tokens'] as Record<string, unknown>[];
  assert.deepEqual(
    listed.map((entry) => [entry['id'], entry['state'], 'token' in entry]),
    [[id, 'good', false]],
  );
  assert.equal((await api(`DELETE tokens/${id}`)).status, 204);
  await agent.session.closed;
  assert.equal((await api(`DELETE tokens/${id}`)).status, 204, 'idempotent');
  const states = ((await api('GET tokens?owner=alice')).json['tokens'] as { state: string }[]).map(
    ({ state }) => state,
  );
  assert.deepEqual(states, ['revoked']);
});

test('a name is reserved before the job starts, shown, and given up', async (t) => {
  const { world, call: api } = await open(t);
  const reserved = await api('POST names', { name: 'alice-1', owner: 'alice' });
  assert.deepEqual([reserved.status, reserved.json['state'], reserved.json['connected']], [201, 'held', false]);
  const waiting = await world.visit(`alice-1.${DOMAIN}`, '/');
  assert.equal(waiting.headers['postern-code'], 'tunnel-absent');
  await world.agent(await world.token(), { names: ['alice-1'] });
  assert.equal((await api('GET names/alice-1')).json['connected'], true);
  assert.equal((await api('POST names', { name: 'alice-1', owner: 'bob' })).json['code'], 'name-taken');
  assert.equal((await api('DELETE names/alice-1')).status, 204);
  assert.equal((await api('GET names/alice-1')).json['state'], 'released');
  assert.equal((await api('GET names/unknown')).json['code'], 'name-unknown');
});

test('a caller makes nothing beyond what its token allows, and sees nobody else', async (t) => {
  const limits = ['--name', 'alice-*', '--name', 'demo', '--for', 'alice', '--for', 'team-*', '--max-ttl', '2h'];
  const { world, call: api } = await open(t, limits);
  const other = (
    await bastionCommand('token', 'create', '--state', world.state, '--owner', 'bob', '--name', '*')
  ).trim();
  const otherId = (JSON.parse(Buffer.from(other.split('.')[1] ?? '', 'base64url').toString()) as { jti: string }).jti;
  const good = { owner: 'alice', names: ['alice-1'], ttl: '1h' };
  for (const [what, change] of [
    ['another owner', { owner: 'bob' }],
    ['an owner that only begins alike', { owner: 'alicebob' }],
    ['a wider name', { names: ['alice*'] }],
    ['any name', { names: ['alice-1', '*'] }],
    ['a longer name', { names: ['demo-1'] }],
    ['a longer life', { ttl: '3h' }],
    ['another use', { use: 'visitor' }],
  ] as const) {
    const { status, json } = await api('POST tokens', { ...good, ...change });
    assert.deepEqual([status, json['code']], [403, 'not-grantable'], what);
  }
  for (const change of [{}, { owner: 'team-x' }, { names: ['alice-*', 'demo', 'alice-1-*'] }])
    assert.equal((await api('POST tokens', { ...good, ...change })).status, 201);
  assert.equal((await api('POST names', { name: 'bobs', owner: 'alice' })).json['code'], 'not-grantable');
  assert.equal((await api('POST names', { name: 'demo', owner: 'bob' })).json['code'], 'not-grantable');
  assert.equal((await api(`DELETE tokens/${otherId}`)).json['code'], 'token-unknown');
  const owners = ((await api('GET tokens')).json['tokens'] as { owner: string }[]).map(({ owner }) => owner);
  assert.deepEqual([...new Set(owners)].toSorted(), ['alice', 'team-x']);
  await world.agent(other);
  assert.equal((await api('GET names/demo')).json['code'], 'name-unknown');
});

test('only a token for the API is let in, and one that was taken back no more', async (t) => {
  const { world, token, call: api } = await open(t);
  const body = { owner: 'alice', names: ['alice-1'] };
  const codes = await Promise.all(
    ['', 'garbage', await world.token(), await world.token({ use: 'visitor' })].map(
      async (credential) => (await call(world, credential, 'POST tokens', body)).json['code'],
    ),
  );
  assert.deepEqual(codes, ['credential-missing', 'credential-invalid', 'credential-invalid', 'credential-invalid']);
  await assert.rejects(world.agent(token), { code: 'credential-invalid' });
  assert.equal(
    (await world.visit(DOMAIN, '/_postern/api/tokens', { headers: { cookie: '__Host-postern=x' } })).status,
    401,
  );
  const [own] = (await api('GET tokens')).json['tokens'] as { id: string }[];
  assert.equal((await api(`DELETE tokens/${own?.id}`)).status, 204, 'it may end itself');
  assert.equal((await api('GET tokens')).json['code'], 'credential-revoked');
});

test('what is not understood is refused, with the reason', async (t) => {
  const { call: api } = await open(t);
  const good = { owner: 'alice', names: ['alice-1'] };
  const cases: readonly [string, unknown, string][] = [
    ['POST tokens', '{', 'api-malformed'],
    ['POST tokens', '[]', 'api-malformed'],
    ['POST tokens', { ...good, ttl: 3600 }, 'api-malformed'],
    ['POST tokens', { ...good, ttl: '0s' }, 'api-malformed'],
    ['POST tokens', { ...good, name: 'x' }, 'api-malformed'],
    ['POST tokens', { ...good, names: ['a*b'] }, 'api-malformed'],
    ['POST tokens', { ...good, names: 'alice' }, 'api-malformed'],
    ['POST tokens', { ...good, owner: 'public' }, 'api-malformed'],
    ['POST tokens', { ...good, use: 'api' }, 'api-malformed'],
    ['POST tokens', { ...good, limits: { links: 1 } }, 'api-malformed'],
    ['POST tokens', { ...good, limits: { streams: -1 } }, 'api-malformed'],
    ['POST tokens', 'x'.repeat(20_000), 'body-too-large'],
    ['POST names', { name: 'www', owner: 'alice' }, 'name-invalid'],
    ['POST names', { name: 1, owner: 'alice' }, 'api-malformed'],
    ['PUT tokens', {}, 'method-refused'],
    ['GET tokens/x', undefined, 'method-refused'],
    ['GET tokens/x/y', undefined, 'page-unknown'],
    ['GET other', undefined, 'page-unknown'],
    ['GET names/%ff', undefined, 'page-unknown'],
  ];
  for (const [what, body, code] of cases) assert.equal((await api(what, body)).json['code'], code, `${what} ${code}`);
});

test('limits in a token hold for the tunnels that rest on it', async (t) => {
  const { world, call: api } = await open(t);
  const wish = { owner: 'alice', names: ['*'], limits: { tunnels: 1, services: 1, streams: 2 } };
  const { token } = (await api('POST tokens', wish)).json as { token: string };
  const services = [{ name: 'web' }, { name: 'dask' }];
  await assert.rejects(world.agent(token, { services }), { code: 'service-limit', status: 403 });
  await world.agent(token, {}, () => {});
  await assert.rejects(world.agent(token, { names: ['demo-2'] }), { code: 'tunnel-limit' });
  const visitor = await world.token({ use: 'visitor' });
  const visits = Array.from({ length: 3 }, () =>
    world.visit(`demo.${DOMAIN}`, '/', { headers: { authorization: `Bearer ${visitor}` } }).catch(() => undefined),
  );
  assert.equal((await Promise.race(visits))?.headers['postern-code'], 'stream-limit');
});

test('calls beyond the rate, and wrong credentials beyond the limit, are refused', async (t) => {
  const { world, call: api } = await open(t, [], { apiRate: { perSecond: 0.001, burst: 3 }, credentialAttempts: 3 });
  const statuses = [];
  for (let i = 0; i < 4; i++) statuses.push((await api('GET tokens')).status);
  assert.deepEqual(statuses, [200, 200, 200, 429]);
  assert.equal((await api('GET tokens')).json['code'], 'api-limit');
  for (let i = 0; i < 2; i++) await call(world, 'garbage', 'GET tokens');
  for (let i = 0; i < 2; i++) await assert.rejects(world.agent('garbage'), { code: 'credential-invalid' });
  await assert.rejects(world.agent(await world.token()), { code: 'credential-limit', status: 429 });
  assert.equal((await call(world, 'garbage', 'GET tokens')).json['code'], 'credential-limit');
});

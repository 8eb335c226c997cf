// What the bastion answers itself: the apex page, unknown names, absent tunnels, signing in.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { PosternError } from '../../../shared/errors.ts';
import { DOMAIN, frontWorld, HOST } from '../../support/front-world.ts';

const nothing = { raw: () => {} };
const html = { accept: 'text/html' };

test('the apex has one small page and nothing else', async () => {
  const world = await frontWorld(nothing);
  const at = (path: string, method = 'GET') => world.fetch(path, { method, headers: { host: DOMAIN, ...html } });
  const page = await at('/');
  assert.equal(page.status, 200);
  assert.match(page.body, /NAME\.notebooks\.example\.org/);
  assert.match(String(page.headers['postern-request-id']), /^[0-9a-f]{16}$/);
  assert.deepEqual(
    [(await at('/x')).status, (await at('/_postern/tunnel')).status, (await at('/', 'POST')).status],
    [404, 404, 405],
  );
  assert.equal((await at('/', 'HEAD')).body, '');
  await world.close();
});

test('unknown names, absent tunnels and foreign hosts are told apart', async () => {
  const world = await frontWorld(nothing);
  const code = async (host: string) => (await world.fetch('/', { headers: { host, ...html } })).headers['postern-code'];
  assert.equal(await code(`nobody.${DOMAIN}`), 'name-unknown');
  assert.equal(await code(`gone.${DOMAIN}`), 'tunnel-absent');
  assert.equal(await code('evil.example.com'), 'misdirected');
  assert.equal(await code(`a.b.${DOMAIN}`), 'misdirected');
  await world.close();
});

test('who is not let in gets the reason of the gate, at once or later', async () => {
  for (const admit of [
    () => {
      throw new PosternError('sign-in-needed');
    },
    () => Promise.reject(new PosternError('sign-in-needed')),
  ]) {
    const world = await frontWorld(nothing, { gate: { admit } });
    const { status, headers, body } = await world.fetch('/lab?x', { headers: html });
    assert.deepEqual([status, headers['www-authenticate']], [401, 'Bearer realm="postern"']);
    assert.match(body, /location\.hash/);
    assert.equal(world.opened.length, 0);
    await world.close();
  }
});

test('an admission that comes later lets the request on, body and all', async () => {
  const admit = () =>
    Promise.resolve({ visitor: 'alice', role: 'owner' as const, groups: [], inject: true, dropAuthorization: false });
  const world = await frontWorld(
    { http: (request, response) => request.pipe(response.setHeader('x-auth', String(request.headers.authorization))) },
    { gate: { admit } },
  );
  const { body, headers } = await world.fetch('/', { method: 'POST', body: 'hello' });
  assert.deepEqual([body, headers['x-auth']], ['hello', 'token of-the-notebook']);
  assert.equal(world.records[0]?.visitor, 'alice');
  await world.close();
});

test('a one-time secret is exchanged for a cookie, by our own page only', async () => {
  const seen: string[] = [];
  const enter = (secret: string, { name }: { name: string }): string => {
    seen.push(`${secret} ${name}`);
    if (secret !== 'right') throw new PosternError('link-spent');
    return '__Host-postern=cookie; Path=/; Secure; HttpOnly';
  };
  const admit = () => {
    throw new PosternError('sign-in-needed');
  };
  const world = await frontWorld(nothing, { gate: { admit, enter } });
  const own = { origin: `https://${HOST}`, 'content-type': 'application/json', 'sec-fetch-site': 'same-origin' };
  const post = (body: string, headers: Record<string, string> = own, method = 'POST') =>
    world.fetch('/_postern/enter', { method, body, headers });
  const good = await post('{"secret":"right"}');
  assert.deepEqual(
    [good.status, good.headers['set-cookie']],
    [204, ['__Host-postern=cookie; Path=/; Secure; HttpOnly']],
  );
  assert.equal((await post('{"secret":"wrong"}')).status, 403);
  for (const body of ['', '{', 'null', '{"secret":1}', '"right"'])
    assert.equal((await post(body)).headers['postern-code'], 'link-spent', body.slice(0, 30));
  assert.equal((await post(`{"secret":"${'x'.repeat(2000)}"}`)).headers['postern-code'], 'body-too-large');
  assert.deepEqual(seen, ['right alice', 'wrong alice']);
  const foreign = [
    { ...own, origin: 'https://evil.org' },
    { ...own, origin: `https://bob.${DOMAIN}` },
    { 'content-type': 'application/json' },
    { ...own, 'sec-fetch-site': 'same-site' },
    { ...own, 'content-type': 'text/plain' },
  ];
  for (const headers of foreign)
    assert.equal(
      (await post('{"secret":"right"}', headers)).headers['postern-code'],
      'cross-site',
      JSON.stringify(headers),
    );
  assert.equal((await post('', own, 'PUT')).status, 405);
  assert.equal((await world.fetch('/_postern/other', { headers: html })).headers['postern-code'], 'page-unknown');
  assert.equal(seen.length, 2);
  assert.ok(world.records.every(({ path }) => !path.includes('right')));
  await world.close();
});

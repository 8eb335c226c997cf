// Signing in at one host and visiting another; who is let in by which policy, and thrown out when it changes.

import assert from 'node:assert/strict';
import test from 'node:test';

import { parsePolicy } from '../../../shared/wire/access.ts';
import { DOMAIN, eventually } from '../../support/bastion-world.ts';
import { signInWorld } from '../../support/sign-in-world.ts';

test('a visitor without a session is shown a page, signs in, and is back where the visit began', async (t) => {
  const world = await signInWorld(t);
  const browser = world.browser();
  const page = await browser.ask('demo', '/lab?x=1');
  assert.equal(page.status, 401);
  const link = /<a data-sign-in href="([^"]+)"/.exec(page.body)?.[1] ?? '';
  assert.equal(link, '/_postern/sign-in?return=%2Flab%3Fx%3D1');
  const { elsewhere } = await browser.open(browser.originOf('demo') + link);
  assert.equal(elsewhere?.origin, world.idp.issuer);
  const arrived = await browser.open(await world.idp.signIn(elsewhere.href, 'alice'));
  assert.deepEqual([arrived.label, arrived.path, arrived.answer.status], ['demo', '/lab?x=1', 200]);
  assert.ok(!/cookie/i.test(arrived.answer.body), 'the notebook sees no cookie of ours');
  assert.match(arrived.answer.body, /authorization: token notebook-secret/i);
  assert.deepEqual([...browser.jar('demo').keys()], ['__Host-postern']);
  assert.deepEqual([...browser.jar('auth').keys()], ['__Host-postern']);
});

test('who signed in once visits other notebooks without being asked again', async (t) => {
  const world = await signInWorld(t);
  const alice = await world.signedIn('alice');
  assert.equal((await world.visitAs(alice)).status, 200);
});

test('private lets in the owner alone; a stranger is told who they are', async (t) => {
  const world = await signInWorld(t);
  const bob = await world.visitAs(await world.signedIn('bob'));
  assert.deepEqual([bob.status, bob.code], [403, 'not-yours']);
  assert.match(bob.body, /signed in as bob/);
  assert.match(bob.body, /Sign in as somebody else/);
  assert.equal(world.tunnel.streams.length, 0, 'nothing of it reached the notebook');
});

test('a list lets in people and groups, and signed-in everybody whom the site knows', async (t) => {
  const world = await signInWorld(t, { policy: parsePolicy('carol@elsewhere.org,group:physics') });
  assert.equal((await world.visitAs(await world.signedIn('bob'))).status, 200);
  assert.equal((await world.visitAs(await world.signedIn('carol'))).status, 200);
  const open = await signInWorld(t, { policy: parsePolicy('signed-in') });
  assert.equal((await open.visitAs(await open.signedIn('carol'))).status, 200);
  assert.equal((await open.browser().ask('demo', '/')).status, 401, 'but nobody who has not signed in');
});

test('a list without a match lets nobody else in', async (t) => {
  const world = await signInWorld(t, { policy: parsePolicy('group:physic,alice@elsewhere.org') });
  for (const login of ['bob', 'carol'] as const)
    assert.equal((await world.visitAs(await world.signedIn(login))).code, 'not-yours', login);
});

test('the owner changes who may visit while the tunnel lives, at a host of its own', async (t) => {
  const world = await signInWorld(t);
  const [alice, bob] = [await world.signedIn('alice'), await world.signedIn('bob')];
  assert.equal((await world.visitAs(bob)).status, 403);
  assert.equal((await alice.open(`${alice.originOf('demo--postern')}/`)).answer.status, 200);
  const changed = await alice.call('demo--postern', 'PUT', '/api/access', parsePolicy('bob'));
  assert.equal(changed.status, 200, changed.body);
  assert.equal((await world.visitAs(bob)).status, 200);
  await alice.call('demo--postern', 'DELETE', '/api/access');
  assert.equal((await world.visitAs(bob)).code, 'not-yours');
});

test('whoever loses access is cut off within a second, in the middle of an answer too', async (t) => {
  const world = await signInWorld(t, { policy: parsePolicy('bob') });
  const [alice, bob] = [await world.signedIn('alice'), await world.signedIn('bob')];
  assert.equal((await world.visitAs(bob)).status, 200);
  assert.equal((await alice.open(`${alice.originOf('demo--postern')}/`)).answer.status, 200);
  const held = world.tunnel.streams.length;
  const outcome = bob.ask('demo', '/endless', { method: 'DELETE' }).then(
    () => 'answered',
    () => 'cut',
  );
  await eventually(() => world.tunnel.streams.length > held, 'the request reached the notebook');
  const stream = world.tunnel.streams.at(-1);
  stream?.write('HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nbeginning');
  const started = performance.now();
  await alice.call('demo--postern', 'PUT', '/api/access', parsePolicy('private'));
  assert.equal(await outcome, 'cut');
  assert.ok(performance.now() - started < 1000);
});

test('guests, strangers, neighbours and the notebook itself cannot change who may visit', async (t) => {
  const world = await signInWorld(t, { policy: parsePolicy('bob') });
  const [alice, bob] = [await world.signedIn('alice'), await world.signedIn('bob')];
  await world.visitAs(bob);
  await world.visitAs(alice);
  const guest = await bob.open(`${bob.originOf('demo--postern')}/`);
  assert.equal(guest.answer.headers['postern-code'], 'owner-only');
  const put = (headers: Record<string, string>) =>
    alice.ask('demo--postern', '/api/access', {
      method: 'PUT',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(parsePolicy('public')),
    });
  await alice.open(`${alice.originOf('demo--postern')}/`);
  // A script of the notebook runs at the notebook's host: the same site, another origin.
  const notebook = { 'sec-fetch-site': 'same-site', 'sec-fetch-mode': 'cors', origin: alice.originOf('demo') };
  assert.equal((await put(notebook)).headers['postern-code'], 'cross-site');
  assert.equal((await put({})).headers['postern-code'], 'cross-site');
  assert.equal(
    (await put({ ...notebook, 'sec-fetch-site': 'cross-site', origin: 'https://evil.org' })).headers['postern-code'],
    'cross-site',
  );
  assert.match(
    (await alice.call('demo', 'PUT', '/api/access', parsePolicy('public'))).body,
    /^PUT/,
    "that path is the notebook's",
  );
  assert.equal((await world.browser().open(`https://demo.${DOMAIN}:${world.bastion.port}/`)).answer.status, 401);
});

test('a guest link lets its holder in until it is taken back', async (t) => {
  const world = await signInWorld(t);
  const alice = await world.signedIn('alice');
  await world.visitAs(alice);
  await alice.open(`${alice.originOf('demo--postern')}/`);
  const made = JSON.parse(
    (await alice.call('demo--postern', 'POST', '/api/shares', { hours: 1, note: 'for dave' })).body,
  ) as { id: string; url: string };
  const { origin, hash } = new URL(made.url);
  assert.equal(origin, alice.originOf('demo'));
  const secret = hash.slice('#postern='.length);
  const [dave, erin] = [world.browser(), world.browser()];
  for (const guest of [dave, erin]) assert.equal((await guest.enter('demo', secret)).status, 204);
  assert.equal((await dave.ask('demo', '/')).status, 200);
  const shown = JSON.parse((await alice.call('demo--postern', 'GET', '/api/access')).body) as { shares: object[] };
  assert.equal(shown.shares.length, 1);
  assert.equal(JSON.stringify(shown).includes(secret), false);
  assert.equal((await dave.open(`${dave.originOf('demo--postern')}/`)).answer.headers['postern-code'], 'owner-only');
  assert.equal((await alice.call('demo--postern', 'DELETE', `/api/shares/${made.id}`)).status, 200);
  assert.equal((await dave.ask('demo', '/')).headers['postern-code'], 'not-yours');
  assert.equal((await world.browser().enter('demo', secret)).headers['postern-code'], 'link-spent');
});

test('what the API is told is read strictly', async (t) => {
  const world = await signInWorld(t);
  const alice = await world.signedIn('alice');
  await world.visitAs(alice);
  await alice.open(`${alice.originOf('demo--postern')}/`);
  const call = async (method: string, path: string, body?: object) => {
    const { status, headers } = await alice.call('demo--postern', method, path, body);
    return [status, headers['postern-code']];
  };
  assert.deepEqual(await call('PUT', '/api/access', { kind: 'open' }), [400, 'request-malformed']);
  assert.deepEqual(await call('PUT', '/api/access', { kind: 'public', people: ['x'], groups: [] }), [
    400,
    'request-malformed',
  ]);
  assert.deepEqual(await call('POST', '/api/shares', { hours: 0 }), [400, 'request-malformed']);
  assert.deepEqual(await call('POST', '/api/shares', { hours: 1e9 }), [400, 'request-malformed']);
  assert.deepEqual(await call('POST', '/api/shares', { note: 'x'.repeat(20_000) }), [413, 'body-too-large']);
  assert.deepEqual(await call('PATCH', '/api/access'), [405, 'method-refused']);
  assert.deepEqual(await call('DELETE', '/api/shares/nothing'), [404, 'page-unknown']);
  assert.deepEqual(await call('GET', '/elsewhere'), [404, 'page-unknown']);
});

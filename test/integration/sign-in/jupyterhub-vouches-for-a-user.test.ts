// Signing in with a real JupyterHub as OAuth provider: its users come as persons, if the hub lets them use the service.

import assert from 'node:assert/strict';
import test from 'node:test';

import { jupyterHubProvider } from '../../../bastion/auth/jupyterhub.ts';
import { outsideFetch } from '../../../bastion/auth/outside-fetch.ts';
import type { PosternError } from '../../../shared/errors.ts';
import { API_TOKEN, CLIENT_ID, JupyterHubWorld, obtainJupyterHub } from '../../support/jupyterhub-world.ts';

const REDIRECT = 'https://auth.notebooks.localhost/_postern/callback/hub';
const reason = await obtainJupyterHub();

async function codeOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => assert.fail('it was accepted'),
    (error: unknown) => (error as PosternError).code,
  );
}

test('users of the hub sign in, and those who may not use the service do not', { skip: reason ?? false }, async () => {
  await using world = await JupyterHubWorld.start(REDIRECT);
  const make = (more: { accountDomain?: string; token?: string } = {}) =>
    jupyterHubProvider({
      id: 'hub',
      title: 'The hub',
      hub: world.hub,
      clientId: CLIENT_ID,
      apiToken: () => more.token ?? API_TOKEN,
      fetch: outsideFetch(world.ca),
      ...more,
    });
  const hub = make();
  const { url, kept } = await hub.begin(REDIRECT);
  const back = await world.signIn(url, 'alice');
  assert.deepEqual(await hub.finish({ url: back, kept }), { account: 'alice', groups: ['physics'], provider: 'hub' });
  assert.equal(await codeOf(hub.finish({ url: back, kept })), 'sign-in-broken', 'a code is good once');

  const elsewhere = make({ accountDomain: 'hub.example.org' });
  const second = await elsewhere.begin(REDIRECT);
  const bob = await elsewhere.finish({ url: await world.signIn(second.url, 'bob'), kept: second.kept });
  assert.equal(bob.account, 'bob@hub.example.org');

  const third = await hub.begin(REDIRECT);
  assert.equal(await codeOf(hub.finish({ url: back, kept: third.kept })), 'sign-in-broken', 'another state');
  const fourth = await hub.begin(REDIRECT);
  const arrived = await world.signIn(fourth.url, 'bob');
  const wrong = { ...fourth.kept, verifier: 'x'.repeat(43) };
  assert.equal(await codeOf(hub.finish({ url: arrived, kept: wrong })), 'sign-in-broken', 'another verifier');
  const fifth = await hub.begin(REDIRECT);
  const late = await world.signIn(fifth.url, 'bob');
  assert.equal(await codeOf(make({ token: 'x'.repeat(32) }).finish({ url: late, kept: fifth.kept })), 'sign-in-broken');
  // The hub itself tells carol that the service is not hers, and never sends her back.
  const sixth = await hub.begin(REDIRECT);
  await assert.rejects(world.signIn(sixth.url, 'carol'), /403/);
  const refused = new URL(`${REDIRECT}?error=access_denied&state=${sixth.kept.state}`);
  assert.equal(await codeOf(hub.finish({ url: refused, kept: sixth.kept })), 'sign-in-refused');
});

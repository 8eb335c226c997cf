// Signing in with a real OpenID Connect provider: what comes out is a person, or a code that says what went wrong.

import assert from 'node:assert/strict';
import test, { after, before } from 'node:test';

import type { PosternError } from '../../../shared/errors.ts';
import { oidcProvider } from '../../../bastion/auth/oidc.ts';
import type { OidcOptions } from '../../../bastion/auth/oidc.ts';
import { outsideFetch } from '../../../bastion/auth/outside-fetch.ts';
import { CLIENT, OidcWorld } from '../../support/oidc-world.ts';

const REDIRECT = 'https://auth.notebooks.localhost/_postern/callback/idp';
const RULES = { account: ['eppn'], homeDomain: 'example.org', groups: 'isMemberOf', require: {} };
let world: OidcWorld;

before(async () => {
  world = await OidcWorld.start({
    redirects: [REDIRECT],
    people: {
      alice: { eppn: 'alice@example.org', isMemberOf: ['physics', 'staff'] },
      bob: { eppn: 'bob@elsewhere.ORG', email: 'alice@example.org', email_verified: false },
      nobody: {},
    },
  });
});
after(() => world.close());

function provider(more: Partial<OidcOptions> = {}) {
  return oidcProvider({
    id: 'idp',
    title: 'The provider',
    issuer: world.issuer,
    clientId: CLIENT.id,
    clientSecret: () => CLIENT.secret,
    scopes: [],
    parameters: {},
    userInfo: false,
    rules: RULES,
    fetch: outsideFetch(world.ca),
    ...more,
  });
}

/** Rejects with the code of the error. */
async function codeOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => assert.fail('it was accepted'),
    (error: unknown) => (error as PosternError).code,
  );
}

test('a person of this site comes without the domain, and with groups', async () => {
  const idp = provider();
  const { url, kept } = await idp.begin(REDIRECT);
  const back = await world.signIn(url, 'alice');
  assert.deepEqual(await idp.finish({ url: back, kept }), {
    account: 'alice',
    groups: ['physics', 'staff'],
    provider: 'idp',
  });
});

test('a person from elsewhere keeps the domain, in small letters', async () => {
  const idp = provider({ userInfo: true });
  const { url, kept } = await idp.begin(REDIRECT);
  const person = await idp.finish({ url: await world.signIn(url, 'bob'), kept });
  assert.equal(person.account, 'bob@elsewhere.org');
});

test('an address that is not verified is no account', async () => {
  const idp = provider({ rules: { ...RULES, account: ['email'] } });
  const { url, kept } = await idp.begin(REDIRECT);
  assert.equal(await codeOf(idp.finish({ url: await world.signIn(url, 'bob'), kept })), 'sign-in-refused');
});

test('somebody without the claim, or without the value that is asked for, is refused', async () => {
  const idp = provider();
  const { url, kept } = await idp.begin(REDIRECT);
  assert.equal(await codeOf(idp.finish({ url: await world.signIn(url, 'nobody'), kept })), 'sign-in-refused');
  const strict = provider({ rules: { ...RULES, require: { isMemberOf: ['chemistry'] } } });
  const again = await strict.begin(REDIRECT);
  const back = await world.signIn(again.url, 'alice');
  assert.equal(await codeOf(strict.finish({ url: back, kept: again.kept })), 'sign-in-refused');
});

test('a code of another departure, a code used twice, and a changed state are broken', async () => {
  const idp = provider();
  const [first, second] = [await idp.begin(REDIRECT), await idp.begin(REDIRECT)];
  const back = await world.signIn(first.url, 'alice');
  assert.equal(await codeOf(idp.finish({ url: back, kept: second.kept })), 'sign-in-broken');
  await idp.finish({ url: back, kept: first.kept });
  assert.equal(await codeOf(idp.finish({ url: back, kept: first.kept })), 'sign-in-broken');
  // Somebody else's code, put into a departure of this browser: the verifier does not fit.
  const stolen = await world.signIn(second.url, 'bob');
  stolen.searchParams.set('state', first.kept['state']);
  assert.equal(await codeOf(idp.finish({ url: stolen, kept: first.kept })), 'sign-in-broken');
});

test('what the provider refuses is refused, and says so', async () => {
  const idp = provider();
  const { kept } = await idp.begin(REDIRECT);
  const query = new URLSearchParams({ error: 'access_denied', state: kept['state'], iss: world.issuer });
  const url = new URL(`${REDIRECT}?${query.toString()}`);
  assert.equal(await codeOf(idp.finish({ url, kept })), 'sign-in-refused');
});

test('a provider that is down is unavailable, and found again when it is back', async () => {
  const idp = provider();
  world.down = true;
  try {
    assert.equal(await codeOf(idp.begin(REDIRECT)), 'sign-in-unavailable');
  } finally {
    world.down = false;
  }
  const { url, kept } = await idp.begin(REDIRECT);
  const back = await world.signIn(url, 'alice');
  world.down = true;
  try {
    assert.equal(await codeOf(idp.finish({ url: back, kept })), 'sign-in-unavailable');
  } finally {
    world.down = false;
  }
});

test('a provider whose certificate nobody vouches for is not believed', async () => {
  assert.equal(await codeOf(provider({ fetch: outsideFetch(undefined) }).begin(REDIRECT)), 'sign-in-unavailable');
});

// Tokens of outside issuers keep the contract of the seam "who is asking", and every rule of the site's is kept.

import assert from 'node:assert/strict';
import { createSecretKey, generateKeyPairSync } from 'node:crypto';
import test, { after } from 'node:test';

import type { Authenticator, Identity, Use } from '../../bastion/auth/authenticator.ts';
import { readIssuerRules } from '../../bastion/auth/issuer-rules.ts';
import { issuerAuthenticator } from '../../bastion/auth/jwt.ts';
import { createToken } from '../../bastion/auth/token.ts';
import { readAuthorities } from '../../shared/net/trust.ts';
import { rulesFor, startIssuer } from '../support/issuer.ts';
import type { TestIssuer } from '../support/issuer.ts';
import { authenticatorContract } from './authenticator.ts';

const SCOPES: Record<Use, string> = { agent: 'openid notebook.serve', visitor: 'notebook.visit', api: '' };
const now = (): number => Math.floor(Date.now() / 1000);
const segment = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

function judging(rules: Record<string, unknown>, clock?: () => number): Authenticator {
  const text = JSON.stringify({ issuers: [rules] });
  const options = { readAuthorities, authorities: undefined, ...(clock === undefined ? {} : { now: clock }) };
  return issuerAuthenticator(readIssuerRules(text, 'issuers.json'), options);
}

async function forged(issuer: TestIssuer, use: Use): Promise<string[]> {
  const scope = SCOPES[use];
  const valid = await issuer.token({ scope });
  const [head = '', body = '', signature = ''] = valid.split('.');
  const stranger = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  const spki = issuer.publicKey.export({ type: 'spki', format: 'pem' }).toString();
  const { kid } = issuer;
  return [
    `${head}.${body}.`,
    `${head}.${body}.${signature.slice(0, -4)}AAAA`,
    `${segment({ alg: 'none' })}.${body}.`,
    `${segment({ alg: 'ES256', kid, jwk: stranger.export({ format: 'jwk' }) })}.${body}.${signature}`,
    await issuer.sign(stranger, { scope }, { alg: 'ES256', kid }),
    await issuer.sign(stranger, { scope }, { alg: 'ES256', kid: 'unknown' }),
    await issuer.sign(createSecretKey(Buffer.from(spki)), { scope }, { alg: 'HS256', kid }),
    await issuer.token({ scope, aud: 'somebody-else' }),
    await issuer.token({ scope, aud: undefined }),
    await issuer.token({ scope, exp: undefined }),
    await issuer.token({ scope, nbf: now() + 3600 }),
    await issuer.token({ scope, sub: undefined }),
    await issuer.token({ scope, sub: 'al ice' }),
    await issuer.token({ scope, sub: 'public' }),
    await issuer.token({ scope: 'openid' }),
    await issuer.token({ scope: `${scope}x` }),
    await issuer.token({}),
  ];
}

const shared = await startIssuer({ after });

authenticatorContract('issuer', async () => ({
  authenticator: judging(rulesFor(shared)),
  valid: (use) => shared.token({ scope: SCOPES[use] }),
  expired: (use) => shared.token({ scope: SCOPES[use], exp: now() - 1 }),
  broken: (use) => forged(shared, use),
  foreign: [
    '',
    'secret',
    'a.b.c',
    `${segment({ alg: 'ES256' })}.${segment({ iss: `${shared.url}/` })}.AAAA`,
    await createToken(generateKeyPairSync('ed25519').privateKey, {
      owner: 'a',
      names: ['*'],
      use: 'agent',
      ttlMs: 9000,
    }),
  ],
}));

const identify = async (
  rules: Record<string, unknown>,
  claims: Record<string, unknown>,
): Promise<Identity | undefined> =>
  judging(rulesFor(shared, rules)).authenticate(await shared.token({ scope: SCOPES.agent, ...claims }), 'agent');

test('the identity has the account, its names, its end, and an id that says whose it is', async () => {
  const exp = now() + 100;
  const identity = await identify(
    { names: ['{owner}', '{owner}-*', 'demo'] },
    { sub: 'Alice.B@x.org', exp, iat: exp - 200 },
  );
  assert.deepEqual(identity, {
    owner: 'Alice.B@x.org',
    names: ['alice-b-x-org', 'alice-b-x-org-*', 'demo'],
    expiresAt: exp * 1000,
    issuedAt: (exp - 200) * 1000,
    id: `${shared.url}#j1`,
  });
  const ids = await Promise.all([identify({}, { jti: undefined }), identify({}, { jti: 'a b\n' })]);
  for (const other of ids) assert.match(other?.id ?? '', /^https:\/\/issuer\.localhost:\d+#[0-9a-f]{32}$/);
});

test('accounts come from the claim that the rules name, without its domain, with a prefix, or from a table', async () => {
  const email = { claim: 'email', suffix: '@example.org', prefix: 'x-' };
  assert.equal((await identify({ owner: email }, { email: 'alice@example.org' }))?.owner, 'x-alice');
  await assert.rejects(identify({ owner: email }, { email: 'alice@evil.example' }), { code: 'credential-invalid' });
  await assert.rejects(identify({ owner: email }, { email: ['alice@example.org'] }), { code: 'credential-invalid' });
  const table = { claim: 'sub', map: { 'http://cilogon.org/serverA/users/1': 'alice' } };
  assert.equal((await identify({ owner: table }, { sub: 'http://cilogon.org/serverA/users/1' }))?.owner, 'alice');
  await assert.rejects(identify({ owner: table }, { sub: 'alice' }), { code: 'credential-invalid' });
});

test('claims that the rules demand must be there, alone or in a list', async () => {
  const rules = { agent: { claims: { groups: 'notebooks' } } };
  assert.ok(await identify(rules, { groups: ['others', 'notebooks'] }));
  assert.ok(await identify(rules, { groups: 'notebooks' }));
  for (const groups of [undefined, 'notebook', ['others'], { notebooks: true }])
    await assert.rejects(identify(rules, { groups }), { code: 'credential-invalid' });
});

test('scopes may come as a list, and the audience too', async () => {
  assert.ok(await identify({}, { scope: undefined, scp: ['notebook.serve'] }));
  assert.ok(await identify({ audience: ['one', 'two'] }, { aud: ['zero', 'two'] }));
});

for (const algorithm of ['RS256', 'ES256', 'EdDSA'] as const)
  test(`tokens signed with ${algorithm} are taken, and no longer when the rules leave it out`, async (t) => {
    const issuer = await startIssuer(t);
    issuer.rotate(algorithm);
    const token = await issuer.token({ scope: SCOPES.agent });
    assert.ok(await judging(rulesFor(issuer)).authenticate(token, 'agent'));
    const others = ['RS256', 'ES256', 'EdDSA'].filter((other) => other !== algorithm);
    const strict = judging(rulesFor(issuer, { algorithms: others }));
    await assert.rejects(strict.authenticate(token, 'agent'), { code: 'credential-invalid' });
  });

test('keys are fetched once for any number of tokens, and again when a token names a new one', async (t) => {
  const issuer = await startIssuer(t);
  let time = Date.now();
  const authenticator = judging(rulesFor(issuer), () => time);
  const authenticate = async () => authenticator.authenticate(await issuer.token({ scope: SCOPES.agent }), 'agent');
  await Promise.all(Array.from({ length: 20 }, authenticate));
  assert.deepEqual(issuer.asked, ['/.well-known/openid-configuration', '/keys']);
  issuer.rotate('ES256');
  await assert.rejects(authenticate(), { code: 'credential-invalid' }, 'asked a moment ago');
  assert.equal(issuer.asked.length, 2, 'unknown keys do not make us ask again and again');
  time += 11_000;
  await Promise.all([authenticate(), authenticate()]);
  assert.equal(issuer.asked.length, 4);
});

test('an issuer that cannot be reached is a reason to try again, and known keys go on for a day', async (t) => {
  const issuer = await startIssuer(t);
  let time = Date.now();
  const authenticator = judging(rulesFor(issuer), () => time);
  const authenticate = async () =>
    authenticator.authenticate(
      await issuer.token({ scope: SCOPES.agent, iat: undefined, exp: now() + 1_000_000 }),
      'agent',
    );
  issuer.failing = true;
  await assert.rejects(authenticate(), { code: 'issuer-unreachable' });
  const asked = issuer.asked.length;
  await assert.rejects(authenticate(), { code: 'issuer-unreachable' });
  assert.equal(issuer.asked.length, asked, 'not asked again at once');
  issuer.failing = false;
  time += 11_000;
  assert.ok(await authenticate());
  issuer.failing = true;
  time += 3_600_000;
  assert.ok(await authenticate(), 'old keys are good while new ones are asked for');
  time += 86_400_000;
  await assert.rejects(authenticate(), { code: 'issuer-unreachable' });
});

test('where there is no OpenID document, that of OAuth is read', async (t) => {
  const issuer = await startIssuer(t);
  issuer.discovery = '/.well-known/oauth-authorization-server';
  assert.ok(await judging(rulesFor(issuer)).authenticate(await issuer.token({ scope: SCOPES.agent }), 'agent'));
});

test('the place of the keys can be told without discovery', async (t) => {
  const issuer = await startIssuer(t);
  const authenticator = judging(rulesFor(issuer, { jwks: `${issuer.url}/keys` }));
  assert.ok(await authenticator.authenticate(await issuer.token({ scope: SCOPES.agent }), 'agent'));
  assert.deepEqual(issuer.asked, ['/keys']);
});

const DOCUMENTS: readonly [string, Record<string, unknown>][] = [
  ['names another issuer', { issuer: 'https://evil.example' }],
  ['names keys without TLS', { jwks_uri: 'http://issuer.localhost/keys' }],
  ['names no keys', { jwks_uri: undefined }],
  ['names keys that are not there', { jwks_uri: 'https://issuer.localhost:1/keys' }],
];

for (const [what, document] of DOCUMENTS)
  test(`an issuer whose document ${what} is not believed`, async (t) => {
    const issuer = await startIssuer(t);
    issuer.document = document;
    const token = await issuer.token({ scope: SCOPES.agent });
    await assert.rejects(judging(rulesFor(issuer)).authenticate(token, 'agent'), { code: 'issuer-unreachable' });
  });

test('an issuer whose certificate nobody vouches for is not asked', async (t) => {
  const issuer = await startIssuer(t);
  const token = await issuer.token({ scope: SCOPES.agent });
  const authenticator = judging(rulesFor(issuer, { ca: undefined }));
  await assert.rejects(authenticator.authenticate(token, 'agent'), { code: 'issuer-unreachable' });
  assert.deepEqual(issuer.asked, []);
});

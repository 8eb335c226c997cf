// Our own tokens, alone and behind anyOf, keep the contract of the seam "who is asking".

import assert from 'node:assert/strict';
import { createSecretKey, generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';

import { SignJWT } from 'jose';

import { anyOf } from '../../bastion/auth/any-of.ts';
import type { Authenticator, Use } from '../../bastion/auth/authenticator.ts';
import { createToken, loadTokenKey, tokenAuthenticator } from '../../bastion/auth/token.ts';
import { authenticatorContract } from './authenticator.ts';
import type { AuthenticatorWorld } from './authenticator.ts';

const { privateKey: key, publicKey } = generateKeyPairSync('ed25519');
const request = { owner: 'alice', names: ['alice-*'], ttlMs: 3_600_000 };
const segment = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const in5Minutes = Math.floor(Date.now() / 1000) + 300;
const claims = { iss: 'postern', sub: 'alice', jti: 'x', names: ['*'], exp: in5Minutes };

/** The signer chooses the header: that is what attackers do. */
async function forged(use: Use): Promise<string[]> {
  const valid = await createToken(key, { ...request, use });
  const stranger = generateKeyPairSync('ed25519').privateKey;
  const [head = '', body = '', signature = ''] = valid.split('.');
  const spki = publicKey.export({ type: 'spki', format: 'pem' }).toString();
  const confused = new SignJWT({ ...claims, aud: use }).setProtectedHeader({ alg: 'HS256', typ: 'postern+jwt' });
  const signed = (payload: Record<string, unknown>): Promise<string> =>
    new SignJWT(payload).setProtectedHeader({ alg: 'EdDSA', typ: 'postern+jwt' }).sign(key);
  return [
    await createToken(stranger, { ...request, use }),
    `${head}.${segment({ ...claims, aud: use })}.${signature}`,
    `${head}.${body}.`,
    `${segment({ alg: 'none', typ: 'postern+jwt' })}.${body}.`,
    await confused.sign(createSecretKey(Buffer.from(spki))),
    await signed({ ...claims, aud: use, names: 'all' }),
    await signed({ ...claims, aud: use, iss: 'somebody' }),
    await signed({ iss: 'postern', sub: 'alice', jti: 'x', names: ['*'], aud: use }),
    await signed({ iss: 'postern', jti: 'x', names: ['*'], aud: use, exp: in5Minutes }),
  ];
}

async function openWith(wrap: (authenticator: Authenticator) => Authenticator): Promise<AuthenticatorWorld> {
  return {
    authenticator: wrap(tokenAuthenticator(key)),
    valid: (use) => createToken(key, { ...request, use }),
    expired: (use) => createToken(key, { ...request, use }, Date.now() - 2 * request.ttlMs),
    broken: forged,
    foreign: ['', 'secret', 'a.b.c', `${segment({ alg: 'RS256', typ: 'JWT' })}.${segment(claims)}.AAAA`],
  };
}

authenticatorContract('token', () => openWith((authenticator) => authenticator));
authenticatorContract('any of', () =>
  openWith((authenticator) => anyOf([{ authenticate: async () => undefined }, authenticator])),
);

test('the signing key is made once, readable only by us, and survives a restart', async (t) => {
  const state = join(mkdtempSync(join(tmpdir(), 'postern-')), 'state');
  t.after(() => rmSync(state, { recursive: true }));
  const token = await createToken(loadTokenKey(state), { ...request, use: 'agent' });
  assert.equal(statSync(join(state, 'token-key.pem')).mode & 0o777, 0o600);
  assert.equal(statSync(state).mode & 0o777, 0o700);
  assert.equal((await tokenAuthenticator(loadTokenKey(state)).authenticate(token, 'agent'))?.owner, 'alice');
});

const IMPOSSIBLE: readonly [string, object][] = [
  ['an owner with a space', { owner: 'al ice' }],
  ['the owner `public`', { owner: 'public' }],
  ['no name', { names: [] }],
  ['a star in the middle', { names: ['a*b'] }],
  ['a name that ends with a hyphen', { names: ['alice-'] }],
  ['two hyphens', { names: ['alice--*'] }],
  ['capitals', { names: ['Alice'] }],
  ['no lifetime', { ttlMs: 0 }],
];

for (const [what, change] of IMPOSSIBLE)
  test(`no token is made for ${what}`, async () => {
    await assert.rejects(createToken(key, { ...request, use: 'agent', ...change }), { code: 'options-invalid' });
  });

test('name patterns that make sense are accepted', async () => {
  for (const name of ['demo', '*', 'alice*', 'alice-*', 'a-b-c', '1'])
    assert.ok(await createToken(key, { ...request, use: 'visitor', names: [name] }));
});

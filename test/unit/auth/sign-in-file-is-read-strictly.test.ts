// The file of sign-in providers: every problem is named at once, secrets must be private, and nothing unknown is passed over.

import assert from 'node:assert/strict';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';

import { readSignInFile } from '../../../bastion/auth/sign-in-file.ts';
import type { PosternError } from '../../../shared/errors.ts';
import { temporaryDirectory } from '../../support/fixture-authority.ts';

const folder = temporaryDirectory();
const SECRET = join(folder, 'secret');
writeFileSync(SECRET, ' s3cret\n', { mode: 0o600 });
const OIDC = { id: 'cilogon', kind: 'oidc', issuer: 'https://cilogon.org', clientId: 'x', secretFile: 'secret' };
const HUB = {
  id: 'hub',
  kind: 'jupyterhub',
  hub: 'https://hub.example.org/hub/',
  clientId: 'service-bastion',
  secretFile: SECRET,
};

function fileOf(value: unknown): string {
  const path = join(folder, 'sign-in.json');
  writeFileSync(path, typeof value === 'string' ? value : JSON.stringify(value));
  return path;
}

function problemsOf(value: unknown): string {
  try {
    readSignInFile(fileOf(value));
    return '';
  } catch (error) {
    assert.equal((error as PosternError).code, 'options-invalid');
    return (error as PosternError).detail ?? '';
  }
}

test('providers come with their defaults, and their secrets are read when they are needed', () => {
  const [oidc, hub] = readSignInFile(fileOf([{ ...OIDC, account: 'eppn', require: { idp: 'https://a' } }, HUB]));
  assert.ok(oidc?.kind === 'oidc' && hub?.kind === 'jupyterhub');
  assert.deepEqual([oidc.title, oidc.scopes, oidc.userInfo], ['cilogon', [], false]);
  assert.deepEqual(oidc.rules, {
    account: ['eppn'],
    homeDomain: undefined,
    groups: undefined,
    require: { idp: ['https://a'] },
  });
  assert.equal(hub.hub, 'https://hub.example.org/hub');
  assert.equal(oidc.secret(), 's3cret');
  writeFileSync(SECRET, 'newer');
  assert.equal(hub.secret(), 'newer');
});

test('every problem is named, with the provider it is of', () => {
  const text = problemsOf([
    { ...OIDC, issuer: 'http://plain.example.org', scopes: [7], colour: 'red', require: [] },
    { ...HUB, id: 'Big', hub: 'https://user@hub.example.org', secretFile: 'missing', issuer: 'https://x' },
    { kind: 'saml' },
    7,
  ]);
  for (const problem of [
    'provider 1: issuer is not an https address',
    'provider 1: scopes is not a list of texts',
    'provider 1: colour is not known',
    'provider 1: require is not an object',
    'provider 2: id is not small letters',
    'provider 2: hub is not an https address',
    'missing: no secret in it',
    'provider 2: issuer is not known',
    'provider 3: kind is neither oidc nor jupyterhub',
    'provider 4: it is not an object',
  ])
    assert.ok(text.includes(problem), `${problem}\n${text}`);
});

test('a file that is no list, is empty, or names a provider twice is refused', () => {
  for (const value of ['{', {}, [], 'null']) assert.notEqual(problemsOf(value), '');
  assert.match(problemsOf([OIDC, OIDC]), /two providers have the id cilogon/);
});

test('a secret that others can read is refused', () => {
  chmodSync(SECRET, 0o644);
  assert.match(problemsOf([OIDC]), /other users may read it/);
  chmodSync(SECRET, 0o600);
});

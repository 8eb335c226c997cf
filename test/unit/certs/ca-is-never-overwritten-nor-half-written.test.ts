import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import {
  authorityPath,
  createAuthorityIn,
  loadAuthority,
  openAuthority,
  openLeaf,
  writeAtomically,
} from '../../../certs/store.ts';
import { PosternError } from '../../../shared/errors.ts';
import { temporaryDirectory } from '../../support/fixture-authority.ts';

const domain = 'notebooks.example.org';
const now = Date.now();
const DAY = 86_400_000;
const code = (expected: string) => (error: unknown) => error instanceof PosternError && error.code === expected;
const mode = (path: string): number => statSync(path).mode & 0o777;

test('a CA is made once, and a second one is refused', () => {
  const directory = temporaryDirectory();
  const { certificate } = createAuthorityIn(directory, domain, now);
  assert.throws(() => createAuthorityIn(directory, domain, now), code('ca-exists'));
  assert.equal(readFileSync(authorityPath(directory), 'utf8'), certificate);
  assert.equal(openAuthority(directory, domain, now).certificate, certificate);
});

test('keys are readable by their owner only, and nothing temporary is left', () => {
  const directory = join(temporaryDirectory(), 'state');
  openLeaf(directory, createAuthorityIn(directory, domain, now), now);
  assert.equal(mode(directory), 0o700);
  assert.deepEqual(readdirSync(directory).toSorted(), ['ca', 'leaf.pem']);
  assert.deepEqual([mode(join(directory, 'ca', 'key.pem')), mode(join(directory, 'leaf.pem'))], [0o600, 0o600]);
});

test('a CA for another domain is not used', () => {
  const directory = temporaryDirectory();
  createAuthorityIn(directory, domain, now);
  assert.throws(() => openAuthority(directory, 'other.example.org', now), code('ca-invalid'));
});

test('an expired CA is not used', () => {
  const directory = temporaryDirectory();
  createAuthorityIn(directory, domain, now);
  assert.throws(() => openAuthority(directory, domain, now + 3651 * DAY), code('ca-invalid'));
});

test('a CA that lacks its key is damaged, not absent', () => {
  const directory = temporaryDirectory();
  createAuthorityIn(directory, domain, now);
  rmSync(join(directory, 'ca', 'key.pem'));
  assert.throws(() => openAuthority(directory, domain, now), code('ca-invalid'));
  assert.throws(() => createAuthorityIn(directory, domain, now), code('ca-invalid'));
});

test('whatever lies where the CA should go is not replaced', () => {
  const directory = temporaryDirectory();
  mkdirSync(join(directory, 'ca'));
  writeFileSync(join(directory, 'ca', 'something'), 'mine');
  assert.throws(() => createAuthorityIn(directory, domain, now), code('ca-exists'));
  assert.deepEqual(readdirSync(directory), ['ca']);
});

test('a directory that cannot be written says so', () => {
  const directory = temporaryDirectory();
  writeFileSync(join(directory, 'file'), '');
  assert.throws(() => openAuthority(join(directory, 'file'), domain, now), code('state-unusable'));
});

test('no CA is no error', () => {
  assert.equal(loadAuthority(temporaryDirectory()), undefined);
});

test('a leaf is kept until a third of its life is left, then replaced', () => {
  const directory = temporaryDirectory();
  const authority = openAuthority(directory, domain, now);
  const first = openLeaf(directory, authority, now);
  assert.equal(openLeaf(directory, authority, now + 59 * DAY).certificate, first.certificate);
  const second = openLeaf(directory, authority, now + 60 * DAY);
  assert.notEqual(second.certificate, first.certificate);
  assert.equal(openLeaf(directory, authority, now + 60 * DAY).certificate, second.certificate);
});

test('a damaged leaf, or one of another CA, is replaced', () => {
  const [here, there] = [temporaryDirectory(), temporaryDirectory()];
  const authority = openAuthority(here, domain, now);
  const foreign = openLeaf(there, openAuthority(there, domain, now), now);
  for (const text of ['', 'x', foreign.certificate + foreign.key, foreign.certificate]) {
    writeFileSync(join(here, 'leaf.pem'), text);
    const leaf = openLeaf(here, authority, now);
    assert.notEqual(leaf.certificate, foreign.certificate);
    assert.equal(openLeaf(here, authority, now).certificate, leaf.certificate);
  }
});

test('an atomic write replaces a symbolic link instead of following it', () => {
  const directory = temporaryDirectory();
  const [victim, path] = [join(directory, 'victim'), join(directory, 'link')];
  writeFileSync(victim, 'untouched');
  symlinkSync(victim, path);
  writeAtomically(path, 'new', 0o600);
  assert.deepEqual([readFileSync(victim, 'utf8'), readFileSync(path, 'utf8'), mode(path)], ['untouched', 'new', 0o600]);
});

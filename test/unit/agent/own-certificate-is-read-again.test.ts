// A certificate that somebody else keeps fresh in files: a new pair is taken, half of one is not.

import assert from 'node:assert/strict';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { ownCertificate } from '../../../agent/own-certificate.ts';
import { createAuthority } from '../../../certs/authority.ts';
import { issueLeaf } from '../../../certs/leaf.ts';
import { NO_LOG } from '../../../shared/program/log.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { temporaryDirectory } from '../../support/fixture-authority.ts';

const AUTHORITY = createAuthority({ domain: 'notebooks.example.org', now: Date.now() });

test('a new pair is taken and told of, a broken one leaves the old in use', async () => {
  const folder = temporaryDirectory();
  const [certificate, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
  const writeKey = (text: string): void => {
    writeFileSync(key, text);
    chmodSync(key, 0o600);
  };
  const [first, second] = [0, 1].map(() => issueLeaf(AUTHORITY, { now: Date.now() }));
  assert.ok(first !== undefined && second !== undefined);
  writeFileSync(certificate, first.certificate);
  writeKey(first.key);
  const clock = new FakeClock();
  const source = ownCertificate({ certificate, key, clock, log: NO_LOG });
  let changes = 0;
  source.onChanged(() => (changes += 1));
  assert.deepEqual(source.material, { cert: first.certificate, key: first.key });
  await clock.advance(31_000);
  assert.equal(changes, 0);
  // Usual for a moment: the certificate is there already, its key not yet.
  writeFileSync(certificate, second.certificate);
  await clock.advance(31_000);
  assert.equal(source.material?.cert, first.certificate);
  writeKey(second.key);
  await clock.advance(31_000);
  assert.deepEqual(source.material, { cert: second.certificate, key: second.key });
  assert.equal(changes, 1);
  source.close();
  assert.equal(clock.pending, 0);
});

test('files that cannot be used are refused, and no key is in the message', () => {
  const folder = temporaryDirectory();
  const [certificate, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
  const open = () => ownCertificate({ certificate, key, clock: new FakeClock(), log: NO_LOG });
  assert.throws(open, { code: 'options-invalid' });
  writeFileSync(certificate, 'no certificate');
  writeFileSync(key, 'SECRET');
  chmodSync(key, 0o600);
  assert.throws(open, (error: Error & { code: string }) => {
    assert.equal(error.code, 'options-invalid');
    assert.doesNotMatch(error.message, /SECRET/);
    return true;
  });
});

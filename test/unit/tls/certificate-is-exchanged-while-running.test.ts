import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { openCustomCa } from '../../../bastion/tls/custom-ca.ts';
import { openTlsFiles } from '../../../bastion/tls/files.ts';
import { createAuthority } from '../../../certs/authority.ts';
import { issueLeaf } from '../../../certs/leaf.ts';
import { PosternError } from '../../../shared/errors.ts';
import { NO_LOG, type Log } from '../../../shared/program/log.ts';
import { movableClock, temporaryDirectory } from '../../support/fixture-authority.ts';

const domain = 'notebooks.example.org';
const DAY = 86_400_000;

function recordingLog(lines: string[]): Log {
  const write = (_fields: object, message: string): void => void lines.push(message);
  return { ...NO_LOG, info: write, warn: write, error: write };
}

function filesWorld() {
  const directory = temporaryDirectory();
  const clock = movableClock();
  const authority = createAuthority({ domain, now: clock.now() });
  const lines: string[] = [];
  const [certificate, key] = [join(directory, 'cert.pem'), join(directory, 'key.pem')];
  const fresh = issueLeaf(authority, { now: clock.now() });
  writeFileSync(certificate, fresh.certificate);
  writeFileSync(key, fresh.key);
  const open = () => openTlsFiles({ certificate, key, log: recordingLog(lines), clock });
  return { clock, authority, lines, certificate, key, open, issue: () => issueLeaf(authority, { now: clock.now() }) };
}

test('a certificate whose key is not there yet leaves the old one in use, until it is', () => {
  const { clock, lines, certificate, key, open, issue } = filesWorld();
  const source = open();
  const before = source.context(domain);
  const next = issue();
  writeFileSync(certificate, next.certificate);
  clock.advance(5000);
  assert.equal(source.context(domain), before);
  assert.match(lines.join(), /not usable; the old certificate stays in use/);
  writeFileSync(key, next.key);
  clock.advance(5000);
  assert.notEqual(source.context(domain), before);
});

test('an unusable pair is complained about once, not at every look', () => {
  const { clock, lines, certificate, open } = filesWorld();
  open();
  writeFileSync(certificate, 'rubbish');
  for (let look = 0; look < 3; look += 1) clock.advance(5000);
  assert.equal(lines.length, 1);
});

test('files that vanish leave the old certificate in use', () => {
  const { clock, key, open } = filesWorld();
  const source = open();
  rmSync(key);
  clock.advance(5000);
  assert.ok(source.context(domain));
});

test('files that were only touched change nothing', () => {
  const { clock, certificate, key, open, issue } = filesWorld();
  const { certificate: pem, key: pemKey } = issue();
  writeFileSync(certificate, pem);
  writeFileSync(key, pemKey);
  const source = open();
  const before = source.context(domain);
  source.onChanged(() => assert.fail('nothing changed'));
  rmSync(certificate);
  writeFileSync(certificate, pem);
  clock.advance(5000);
  assert.equal(source.context(domain), before);
});

test('reload reads the files without waiting for the next look', () => {
  const { certificate, key, open, issue } = filesWorld();
  const source = open();
  const before = source.context(domain);
  const next = issue();
  writeFileSync(certificate, next.certificate);
  writeFileSync(key, next.key);
  source.reload();
  assert.notEqual(source.context(domain), before);
});

test('a pair that is unusable from the start is refused', () => {
  const { certificate, open, issue } = filesWorld();
  writeFileSync(certificate, issue().certificate);
  assert.throws(open, (error) => error instanceof PosternError && error.code === 'certificate-invalid');
});

test('a certificate that expires within a week is warned about', () => {
  const { clock, lines, open } = filesWorld();
  clock.advance(84 * DAY);
  open();
  assert.match(lines.join(), /expires soon/);
});

test("the CA's leaf is renewed when a third of its life is left, and not before", () => {
  const [clock, lines] = [movableClock(), [] as string[]];
  const source = openCustomCa({ directory: temporaryDirectory(), domain, log: recordingLog(lines), clock });
  const before = source.context(domain);
  clock.advance(59 * DAY);
  assert.equal(source.context(domain), before);
  clock.advance(DAY);
  assert.notEqual(source.context(domain), before);
  assert.deepEqual(lines, ['the certificate was renewed']);
});

test('a renewal that fails keeps the old leaf and is tried again', () => {
  const [clock, lines, directory] = [movableClock(), [] as string[], temporaryDirectory()];
  const source = openCustomCa({ directory, domain, log: recordingLog(lines), clock });
  const before = source.context(domain);
  rmSync(directory, { recursive: true });
  writeFileSync(directory, 'no directory any more');
  clock.advance(60 * DAY);
  assert.equal(source.context(domain), before);
  assert.deepEqual(lines, ['the certificate could not be renewed']);
  rmSync(directory);
});

test('a bastion that starts again shows the same certificate', () => {
  const [clock, directory] = [movableClock(), temporaryDirectory()];
  const open = () => openCustomCa({ directory, domain, log: NO_LOG, clock });
  assert.equal(open().authority, open().authority);
});

import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { test } from 'node:test';

import { createAuthority, domainProblem, readAuthority } from '../../../certs/authority.ts';
import { isIssuedBy, issueLeaf, readLeaf } from '../../../certs/leaf.ts';
import { PosternError } from '../../../shared/errors.ts';

const DAY = 86_400_000;
const now = Date.parse('2026-07-01T12:00:00Z');
const authority = createAuthority({ domain: 'notebooks.localhost', now });
const keyOf = (one: typeof authority): string => one.key.export({ type: 'pkcs8', format: 'pem' }) as string;
const code = (expected: string) => (error: unknown) => error instanceof PosternError && error.code === expected;

test('a leaf is for the domain and the wildcard below it, for TLS servers, and no CA', () => {
  const parsed = new X509Certificate(issueLeaf(authority, { now }).certificate);
  assert.equal(parsed.subjectAltName, 'DNS:notebooks.localhost, DNS:*.notebooks.localhost');
  assert.deepEqual(parsed.keyUsage, ['1.3.6.1.5.5.7.3.1']);
  assert.equal(parsed.ca, false);
  assert.equal(parsed.publicKey.asymmetricKeyDetails?.namedCurve, 'prime256v1');
  assert.ok(parsed.verify(authority.publicKey) && parsed.checkIssued(new X509Certificate(authority.certificate)));
});

test('a leaf begins in the past, for clocks that are behind, and ends after 90 days', () => {
  const leaf = issueLeaf(authority, { now });
  assert.equal(Date.parse(new X509Certificate(leaf.certificate).validFrom), now - 3_600_000);
  assert.equal(leaf.expiresAt, now - 3_600_000 + 90 * DAY - 1000);
});

test('a leaf is to be renewed when a third of its life is left', () => {
  const leaf = issueLeaf(authority, { now, days: 30 });
  assert.ok(Math.abs(leaf.expiresAt - leaf.renewAt - 10 * DAY) < 1000);
});

test('a leaf is never valid for longer than 398 days, nor longer than its CA', () => {
  assert.throws(() => issueLeaf(authority, { now, days: 399 }), code('certificate-invalid'));
  assert.throws(() => issueLeaf(authority, { now, days: 0 }), code('certificate-invalid'));
  assert.equal(issueLeaf(authority, { now: authority.expiresAt - DAY }).expiresAt, authority.expiresAt);
});

test('years from 2050 on are written as verifiers expect them', () => {
  const late = Date.parse('2049-12-01T00:00:00Z');
  const old = createAuthority({ domain: 'notebooks.localhost', now: late });
  assert.equal(issueLeaf(old, { now: late }).expiresAt, late - 3_600_000 + 90 * DAY - 1000);
});

test('the CA issues for its own domain only', () => {
  for (const names of [['example.com'], ['evilnotebooks.localhost'], ['*.localhost'], ['127.0.0.1'], []])
    assert.throws(() => issueLeaf(authority, { now, names }), code('certificate-invalid'), names.join());
  assert.match(
    new X509Certificate(issueLeaf(authority, { now, names: ['a.notebooks.localhost'] }).certificate).subjectAltName ??
      '',
    /^DNS:a\./,
  );
});

test('serial numbers never repeat and are positive', () => {
  const serials = Array.from(
    { length: 50 },
    () => new X509Certificate(issueLeaf(authority, { now }).certificate).serialNumber,
  );
  assert.equal(new Set(serials).size, 50);
  assert.ok(serials.every((serial) => /^[4-7][0-9A-F]{31}$/.test(serial)));
});

test('a CA read back is the CA that was made', () => {
  const again = readAuthority(authority.certificate, keyOf(authority));
  assert.deepEqual(
    [again.domain, again.subject, again.expiresAt],
    [authority.domain, authority.subject, authority.expiresAt],
  );
  assert.ok(isIssuedBy(again, issueLeaf(authority, { now })));
});

test('files that do not belong together, or are not ours, are no CA', () => {
  const other = createAuthority({ domain: 'notebooks.localhost', now });
  const leaf = issueLeaf(authority, { now });
  assert.throws(() => readAuthority(authority.certificate, keyOf(other)), code('ca-invalid'));
  assert.throws(() => readAuthority(leaf.certificate, leaf.key), code('ca-invalid'));
  assert.throws(() => readAuthority('x', 'y'), code('ca-invalid'));
  assert.throws(() => readLeaf(leaf.certificate, keyOf(other)), code('certificate-invalid'));
  assert.equal(isIssuedBy(other, leaf), false);
});

test('domains that no wildcard certificate can serve are refused', () => {
  for (const domain of [
    'localhost',
    '',
    'a..b',
    'Notebooks.example.org',
    'a_b.org',
    '10.0.0.1',
    '-a.org',
    `${'a.'.repeat(100)}org`,
    'a.org.',
  ])
    assert.ok(domainProblem(domain), domain);
  for (const domain of ['notebooks.localhost', 'a.b', 'xn--bcher-kva.example', 'n0.example.org'])
    assert.equal(domainProblem(domain), undefined);
  assert.throws(() => createAuthority({ domain: 'localhost', now }), code('certificate-invalid'));
});

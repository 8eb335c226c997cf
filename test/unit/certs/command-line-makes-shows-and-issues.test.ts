import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { main } from '../../../certs/main.ts';
import { PosternError } from '../../../shared/errors.ts';
import type { ProgramContext } from '../../../shared/program/run.ts';
import { temporaryDirectory } from '../../support/fixture-authority.ts';

/** What postern-certs prints for a line of arguments. */
async function certs(...argv: readonly string[]): Promise<string> {
  let printed = '';
  const stdout = { write: (text: string) => (printed += text) !== '' } as unknown as ProgramContext['stdout'];
  const code = await main({ argv, env: {}, stdout, stderr: stdout, readFile: () => '' });
  assert.equal(code, 0);
  return printed;
}

const dir = join(temporaryDirectory(), 'state');
await certs('create', '--dir', dir, '--domain', 'notebooks.example.org');

test('create --domain does not overwrite what it made', async () => {
  await assert.rejects(
    certs('create', '--dir', dir, '--domain', 'notebooks.example.org'),
    (error) => error instanceof PosternError && error.code === 'ca-exists',
  );
});

test('show names the domain, the fingerprint and how to trust the CA', async () => {
  const text = await certs('show', '--dir', dir);
  assert.match(text, /notebooks\.example\.org and \*\.notebooks\.example\.org, nothing else/);
  assert.match(text, /SHA-256 +([0-9A-F]{2}:){31}[0-9A-F]{2}/);
  assert.match(text, /update-ca-certificates/);
});

test('export prints the certificate and never the key', async () => {
  const text = await certs('export', '--dir', dir);
  assert.equal(new X509Certificate(text).ca, true);
  assert.doesNotMatch(text, /PRIVATE/);
});

test('issue --name --days --cert-out --key-out writes a certificate and a private key file', async () => {
  const [certificate, key] = [join(dir, 'leaf.crt'), join(dir, 'leaf.key')];
  const name = 'lab.notebooks.example.org';
  await certs('issue', '--dir', dir, '--name', name, '--days', '7', '--cert-out', certificate, '--key-out', key);
  assert.equal(new X509Certificate(readFileSync(certificate)).subjectAltName, `DNS:${name}`);
  assert.equal(statSync(key).mode & 0o777, 0o600);
});

test('a directory without a CA says so', async () => {
  await assert.rejects(certs('show', '--dir', temporaryDirectory()), /there is no CA in/);
});

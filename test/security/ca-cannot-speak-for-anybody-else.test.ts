import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { createSecureContext } from 'node:tls';

import { createAuthority } from '../../certs/authority.ts';
import type { AlternativeName } from '../../certs/der.ts';
import { issueLeaf } from '../../certs/leaf.ts';
import { temporaryDirectory } from '../support/fixture-authority.ts';
import { shakeHands } from '../support/handshake.ts';
import { forge, forgeBelow } from '../unit/certs/sample-leaf.ts';

const directory = temporaryDirectory();
const openssl = spawnSync('openssl', ['version'], { encoding: 'utf8' });
const without = openssl.status === 0 ? {} : { skip: 'there is no openssl on this machine' };

/** What `openssl verify` says; empty when it accepts. */
function opensslRefusal(ca: string, leaf: string, host: readonly string[], untrusted?: string): string {
  const files = { 'ca.pem': ca, 'leaf.pem': leaf, 'untrusted.pem': untrusted ?? '' };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);
  const chain = untrusted === undefined ? [] : ['-untrusted', 'untrusted.pem'];
  const args = ['verify', '-x509_strict', '-purpose', 'sslserver', '-CAfile', 'ca.pem', ...chain, ...host, 'leaf.pem'];
  const { status, stdout, stderr } = spawnSync('openssl', args, { cwd: directory, encoding: 'utf8' });
  return status === 0 ? '' : stdout + stderr;
}

for (const domain of ['notebooks.example.org', 'notebooks.localhost']) {
  const authority = createAuthority({ domain, now: Date.now() });
  const leaf = issueLeaf(authority, { now: Date.now() });

  for (const host of [domain, `alice.${domain}`, `alice--8787.${domain}`]) {
    test(`openssl accepts the leaf for ${host}`, without, () => {
      assert.equal(opensslRefusal(authority.certificate, leaf.certificate, ['-verify_hostname', host]), '');
    });

    test(`node accepts the leaf for ${host}`, async () => {
      const context = createSecureContext({ cert: leaf.certificate, key: leaf.key });
      assert.equal((await shakeHands(context, authority.certificate, host)).refusal, undefined);
    });
  }

  const forgeries: readonly (readonly [string, readonly AlternativeName[], string])[] = [
    ['a foreign domain', [{ dns: 'bank.example.com' }], 'bank.example.com'],
    ['a foreign domain beside its own', [{ dns: domain }, { dns: 'bank.example.com' }], domain],
    ['the domain above', [{ dns: domain.slice(domain.indexOf('.') + 1) }], domain.slice(domain.indexOf('.') + 1)],
    ['a domain that ends alike', [{ dns: `evil${domain}` }], `evil${domain}`],
    ['an IPv4 address', [{ ip: Uint8Array.of(127, 0, 0, 1) }], '127.0.0.1'],
    ['an IPv4 address beside its own domain', [{ dns: domain }, { ip: Uint8Array.of(10, 0, 0, 1) }], domain],
    ['an IPv6 address beside its own domain', [{ dns: domain }, { ip: new Uint8Array(16) }], domain],
  ];
  for (const [what, names, host] of forgeries) {
    const forged = forge(authority, names);

    test(`openssl refuses a leaf of ${domain}'s CA for ${what}`, without, () => {
      const refusal = opensslRefusal(authority.certificate, forged.certificate, []);
      assert.match(refusal, /permitted subtree violation|excluded subtree violation/);
    });

    test(`node refuses a leaf of ${domain}'s CA for ${what}`, async () => {
      const { refusal } = await shakeHands(
        createSecureContext({ cert: forged.certificate, key: forged.key }),
        authority.certificate,
        host,
      );
      assert.match(refusal ?? 'accepted', /permitted subtree violation|excluded subtree violation/);
    });
  }

  test(`openssl refuses a CA below the CA of ${domain}`, without, () => {
    const { intermediate, leaf: below } = forgeBelow(authority);
    assert.match(opensslRefusal(authority.certificate, below, [], intermediate), /path length constraint exceeded/);
  });
}

test('the CA of another bastion for the same domain is not trusted', async () => {
  const domain = 'notebooks.example.org';
  const [one, other] = [createAuthority({ domain, now: Date.now() }), createAuthority({ domain, now: Date.now() })];
  const leaf = issueLeaf(other, { now: Date.now() });
  const { refusal } = await shakeHands(
    createSecureContext({ cert: leaf.certificate, key: leaf.key }),
    one.certificate,
    domain,
  );
  assert.match(refusal ?? 'accepted', /UNABLE_TO_VERIFY_LEAF_SIGNATURE/);
});

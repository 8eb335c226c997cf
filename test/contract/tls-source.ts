// The contract suite of the seam "which certificate": every TlsSource passes it.

import assert from 'node:assert/strict';
import { createPrivateKey, generateKeyPairSync, X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import { createSecureContext } from 'node:tls';

import type { TlsSource } from '../../bastion/tls/tls-source.ts';
import { shakeHands } from '../support/handshake.ts';

export interface TlsSourceUnderTest {
  readonly source: TlsSource;
  /** The domain that the source was made for. */
  readonly domain: string;
  /** PEM of the CA that issued what the source shows. */
  readonly ca: string;
  /** Makes the source change its certificate now. */
  change(): void;
  /** Timers of the source that still run. */
  timers(): number;
}

/** Registers the suite; `make` gives a new source each time. */
export function testTlsSource(name: string, make: () => TlsSourceUnderTest): void {
  test(`${name}: shows a certificate for the domain and the names directly below it`, async () => {
    const { source, domain, ca } = make();
    for (const host of [domain, `alice.${domain}`]) {
      const context = source.context(host);
      assert.ok(context, host);
      assert.equal((await shakeHands(context, ca, host)).refusal, undefined, host);
    }
    source.close();
  });

  test(`${name}: has nothing for other names, and never throws`, () => {
    const { source, domain } = make();
    const others = [
      'example.com',
      `a.b.${domain}`,
      `evil${domain}`,
      '',
      '.',
      `.${domain}`,
      '127.0.0.1',
      '\0',
      'ü',
      '*'.repeat(300),
    ];
    for (const host of others) assert.equal(source.context(host), undefined, JSON.stringify(host));
    source.close();
  });

  test(`${name}: has a certificate for visitors without SNI`, () => {
    const { source } = make();
    assert.ok(source.context(undefined));
    const { cert, key } = source.material();
    assert.ok(new X509Certificate(cert).checkPrivateKey(createPrivateKey(key)));
    source.close();
  });

  test(`${name}: answers the same context until it changes`, () => {
    const { source, domain } = make();
    assert.equal(source.context(domain), source.context(`x.${domain}`));
    source.close();
  });

  test(`${name}: tells of a change once the new certificate is answered`, async () => {
    const { source, domain, ca, change } = make();
    const before = source.context(domain);
    const seen: unknown[] = [];
    source.onChanged(() => seen.push(source.context(domain)));
    source.onChanged(() => seen.push(source.context(domain)));
    change();
    const now = source.context(domain);
    assert.ok(before && now);
    assert.notEqual(now, before);
    assert.deepEqual([seen[0] === now, seen[1] === now, seen.length], [true, true, 2]);
    const [old, fresh] = [await shakeHands(before, ca, domain), await shakeHands(now, ca, domain)];
    assert.notEqual(fresh.certificate.fingerprint256, old.certificate.fingerprint256);
    source.close();
  });

  test(`${name}: names its CA exactly when visitors must be given one`, () => {
    const { source, ca } = make();
    assert.ok(source.authority === undefined || source.authority === ca);
    source.close();
  });

  test(`${name}: certifies keys of others, if at all, for hosts of its domain and so that whoever trusts its CA believes it`, async () => {
    const { source, domain, ca } = make();
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const expiresAt = Date.now() + 3_600_000;
    assert.equal(source.certify === undefined, source.authority === undefined);
    if (source.certify !== undefined) {
      const host = `alice--x.${domain}`;
      const cert = source.certify({ hosts: [host], publicKey, expiresAt }).join('');
      const context = createSecureContext({ cert, key: privateKey.export({ type: 'pkcs8', format: 'pem' }) });
      assert.equal((await shakeHands(context, ca, host)).refusal, undefined);
      assert.match((await shakeHands(context, ca, `bob.${domain}`)).refusal ?? '', /ERR_TLS_CERT_ALTNAME_INVALID/);
      for (const hosts of [['example.com'], [`evil${domain}`], []])
        assert.throws(() => source.certify?.({ hosts, publicKey, expiresAt }), { code: 'certificate-invalid' });
    }
    source.close();
  });

  test(`${name}: stops its timers on close, which may be called twice`, () => {
    const { source, timers } = make();
    source.close();
    source.close();
    assert.equal(timers(), 0);
  });
}

// The agent's certificate: asked for over the session that stands, taken only for the key that was sent, renewed before it ends.

import assert from 'node:assert/strict';
import { createPublicKey, X509Certificate } from 'node:crypto';
import { test } from 'node:test';

import type { Material } from '../../../agent/certificate-source.ts';
import { IssuedCertificate } from '../../../agent/issued-certificate.ts';
import { createAuthority } from '../../../certs/authority.ts';
import { certify } from '../../../certs/leaf.ts';
import { PosternError } from '../../../shared/errors.ts';
import { NO_LOG } from '../../../shared/program/log.ts';
import type { CertificateAnswer, CertificateRequest } from '../../../shared/wire/certificate.ts';
import type { Info } from '../../../shared/wire/handshake.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const DOMAIN = 'notebooks.example.org';
const START = Date.now();
const AUTHORITY = createAuthority({ domain: DOMAIN, now: START });
const HOUR_MS = 3_600_000;

function world() {
  const clock = new FakeClock();
  const begun = clock.now();
  const now = (): number => START + clock.now() - begun;
  const certificate = new IssuedCertificate({ clock, now, random: () => 0.5, log: NO_LOG });
  let changes = 0;
  certificate.onChanged(() => (changes += 1));
  const session = () => {
    const sent: CertificateRequest[] = [];
    const closed = Promise.withResolvers<PosternError>();
    return {
      sent,
      session: { sendInfo: (info: Info) => void sent.push(info as CertificateRequest), closed: closed.promise },
      close: async (): Promise<void> => {
        closed.resolve(new PosternError('link-closed'));
        await new Promise((resolve) => setImmediate(resolve));
      },
    };
  };
  const answerTo = ({ request, key }: CertificateRequest, lifetimeMs = HOUR_MS): CertificateAnswer => {
    const publicKey = createPublicKey({ key: Buffer.from(key, 'base64url'), format: 'der', type: 'spki' });
    const options = { names: [`demo.${DOMAIN}`], publicKey, now: now(), expiresAt: now() + lifetimeMs };
    return {
      type: 'certificate',
      request,
      chain: [new X509Certificate(certify(AUTHORITY, options)).raw.toString('base64')],
    };
  };
  return { clock, certificate, session, answerTo, changes: () => changes };
}

test('it is asked for at once, and again at two thirds of its life, each time with another key', async () => {
  const { clock, certificate, session, answerTo, changes } = world();
  const { sent, session: standing } = session();
  assert.ok(certificate.material === undefined);
  certificate.registered(standing, 'a'.repeat(32));
  assert.equal(sent.length, 1);
  certificate.answered(answerTo(sent[0] as CertificateRequest));
  const first = certificate.material as Material | undefined;
  assert.ok(first !== undefined && new X509Certificate(first.cert).subjectAltName === `DNS:demo.${DOMAIN}`);
  await clock.advance((HOUR_MS * 2) / 3 - 2000);
  assert.equal(sent.length, 1);
  await clock.advance(4000);
  assert.equal(sent.length, 2);
  assert.equal(certificate.material, first, 'the old one stays until there is a new one');
  certificate.answered(answerTo(sent[1] as CertificateRequest));
  assert.notEqual((certificate.material as Material | undefined)?.key, first.key);
  assert.deepEqual(
    sent.map(({ request }) => request),
    [1, 2],
  );
  assert.equal(changes(), 2);
  certificate.close();
});

test('without an answer it is asked for again, over the next session if the first is gone', async () => {
  const { clock, certificate, session, answerTo } = world();
  const first = session();
  certificate.registered(first.session, 'a'.repeat(32));
  await clock.advance(20_000);
  assert.equal(first.sent.length, 2);
  const second = session();
  certificate.registered(second.session, 'b'.repeat(32));
  assert.equal(second.sent.length, 0, 'the request that is under way has its time');
  await first.close();
  assert.equal(second.sent.length, 1);
  certificate.answered(answerTo(first.sent[0] as CertificateRequest));
  assert.equal(certificate.material, undefined, 'an answer to an older request is none');
  certificate.answered(answerTo(second.sent.at(-1) as CertificateRequest));
  assert.ok(certificate.material !== undefined);
  certificate.close();
});

test('a refusal, a certificate for another key and one that has ended are not taken', async () => {
  const { clock, certificate, session, answerTo } = world();
  const { sent, session: standing } = session();
  certificate.registered(standing, 'a'.repeat(32));
  const last = (): CertificateRequest => sent.at(-1) as CertificateRequest;
  certificate.answered({ type: 'certificate', request: 1, code: 'certificate-refused' });
  await clock.advance(61_000);
  assert.equal(sent.length, 2);
  certificate.answered({ ...answerTo(sent[0] as CertificateRequest), request: last().request });
  await clock.advance(61_000);
  const short = answerTo(last(), 1000);
  await clock.advance(2000);
  certificate.answered(short);
  await clock.advance(61_000);
  certificate.answered({ type: 'certificate', request: last().request, chain: [] });
  await clock.advance(61_000);
  certificate.answered({ type: 'certificate', request: last().request, chain: ['AAAA'] });
  assert.equal(certificate.material, undefined);
  await clock.advance(61_000);
  certificate.answered(answerTo(last()));
  assert.ok(certificate.material !== undefined);
  certificate.close();
  await clock.advance(HOUR_MS);
  const asked = sent.length;
  await clock.advance(HOUR_MS);
  assert.equal(sent.length, asked, 'after the end nothing is asked');
});

test('a new bastion is asked within minutes, for its authority may be another', async () => {
  const { clock, certificate, session, answerTo } = world();
  const first = session();
  certificate.registered(first.session, 'a'.repeat(32));
  certificate.answered(answerTo(first.sent[0] as CertificateRequest, 12 * HOUR_MS));
  const second = session();
  certificate.registered(second.session, 'b'.repeat(32));
  assert.equal(second.sent.length, 0);
  await clock.advance(301_000);
  assert.equal(second.sent.length, 1);
  certificate.close();
});

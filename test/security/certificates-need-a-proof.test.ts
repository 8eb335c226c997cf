// Certificates over the tunnel: for the tunnel's own hosts, and for a key whose owner proves to have it, now and here.

import assert from 'node:assert/strict';
import { generateKeyPairSync, sign, X509Certificate, type KeyObject } from 'node:crypto';
import { test } from 'node:test';

import { certificateProof, type CertificateAnswer, type CertificateRequest } from '../../shared/wire/certificate.ts';
import type { Registration } from '../../shared/wire/handshake.ts';
import { bastionWorld, DOMAIN, eventually, type TestAgent } from '../support/bastion-world.ts';

const REGISTRATION: Partial<Registration> = { tls: { certificate: 'issued', visitors: 'certified' } };

interface Pair {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}
const pair = (): Pair => generateKeyPairSync('ec', { namedCurve: 'P-256' });
const spki = (key: KeyObject): string => key.export({ type: 'spki', format: 'der' }).toString('base64url');

function requestOf(session: string, request: number, key: string, signer: KeyObject): CertificateRequest {
  const proof = sign('sha256', Buffer.from(certificateProof(session, request, key)), signer).toString('base64url');
  return { type: 'certificate-request', request, key, proof };
}

async function ask({ session, infos }: TestAgent, request: CertificateRequest): Promise<CertificateAnswer> {
  const before = infos.length;
  session.sendInfo(request);
  const answer = (): CertificateAnswer | undefined =>
    infos.slice(before).find((info): info is CertificateAnswer => info.type === 'certificate');
  await eventually(() => answer() !== undefined, 'an answer');
  return answer() as CertificateAnswer;
}

const refused = (request: number): CertificateAnswer => ({ type: 'certificate', request, code: 'certificate-refused' });

test('a proven key gets a certificate for the names, services and ports of its tunnel, and for nothing else', async (t) => {
  const world = await bastionWorld(t);
  const agent = await world.agent(await world.token({ ttlMs: 600_000 }), {
    ...REGISTRATION,
    names: ['demo', 'demo-2'],
    services: [{ name: 'web' }, { name: 'board' }, { name: 'dask', kind: 'tcp', access: 'public' }],
    ports: [[8787, 8788]],
  });
  const { publicKey, privateKey } = pair();
  const answer = await ask(agent, requestOf(agent.acceptance.session, 1, spki(publicKey), privateKey));
  assert.ok('chain' in answer);
  const [leaf, ca] = answer.chain.map((text) => new X509Certificate(Buffer.from(text, 'base64')));
  assert.ok(leaf !== undefined && ca !== undefined && leaf.verify(ca.publicKey));
  assert.equal(ca.fingerprint256, new X509Certificate(world.ca).fingerprint256);
  assert.ok(leaf.checkPrivateKey(privateKey));
  assert.ok(!leaf.ca);
  const hosts = ['', '--board', '--8787', '--8788'];
  assert.deepEqual(
    leaf.subjectAltName?.split(', ').toSorted(),
    ['demo', 'demo-2'].flatMap((name) => hosts.map((suffix) => `DNS:${name}${suffix}.${DOMAIN}`)).toSorted(),
  );
  // It ends with the credential, long before an hour.
  assert.equal(Date.parse(leaf.validTo), Math.floor(agent.acceptance.expiresAt / 1000) * 1000);
});

test('a proof is good for one request of one session', async (t) => {
  const world = await bastionWorld(t);
  const alice = await world.agent(await world.token(), REGISTRATION);
  const eve = await world.agent(await world.token({ owner: 'eve' }), { ...REGISTRATION, names: ['eve'] });
  const { publicKey, privateKey } = pair();
  const request = requestOf(alice.acceptance.session, 1, spki(publicKey), privateKey);
  // Somebody else's session, whoever has heard the request.
  assert.deepEqual(await ask(eve, request), refused(1));
  assert.ok('chain' in (await ask(alice, request)));
  assert.deepEqual(await ask(alice, request), refused(1), 'again');
  assert.deepEqual(
    await ask(alice, requestOf(alice.acceptance.session, 0, spki(publicKey), privateKey)),
    refused(0),
    'an older number',
  );
  assert.deepEqual(await ask(alice, { ...request, request: 2 }), refused(2), 'another number than the signed one');
  assert.ok('chain' in (await ask(alice, requestOf(alice.acceptance.session, 3, spki(publicKey), privateKey))));
});

test("nobody gets a certificate for a key that is somebody else's, or of another kind", async (t) => {
  const world = await bastionWorld(t);
  const agent = await world.agent(await world.token(), REGISTRATION);
  const own = pair();
  const foreign = new X509Certificate(world.ca).publicKey;
  const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' });
  const ed = generateKeyPairSync('ed25519');
  const { session } = agent.acceptance;
  const spoilt = Buffer.from(spki(own.publicKey), 'base64url');
  spoilt[60] = (spoilt[60] ?? 0) ^ 1;
  const cases: Record<string, CertificateRequest> = {
    "the CA's own key": requestOf(session, 1, spki(foreign), own.privateKey),
    'P-384': requestOf(session, 2, spki(p384.publicKey).slice(0, 122), own.privateKey),
    Ed25519: {
      ...requestOf(session, 3, spki(own.publicKey), own.privateKey),
      key: spki(ed.publicKey),
    },
    'a point off the curve': requestOf(session, 4, spoilt.toString('base64url'), own.privateKey),
    'no key': requestOf(session, 5, 'A'.repeat(122), own.privateKey),
    'no signature': { type: 'certificate-request', request: 6, key: spki(own.publicKey), proof: '!' },
  };
  for (const [what, request] of Object.entries(cases))
    assert.deepEqual(await ask(agent, request), refused(request.request), what);
  assert.ok('chain' in (await ask(agent, requestOf(session, 7, spki(own.publicKey), own.privateKey))));
});

test('a tunnel that did not register for certificates gets none, and none gets many', async (t) => {
  const world = await bastionWorld(t);
  const { publicKey, privateKey } = pair();
  const plain = await world.agent(await world.token());
  assert.deepEqual(await ask(plain, requestOf(plain.acceptance.session, 1, spki(publicKey), privateKey)), refused(1));
  const own = await world.agent(await world.token(), {
    names: ['demo-2'],
    tls: { certificate: 'own', visitors: 'certified' },
  });
  assert.deepEqual(await ask(own, requestOf(own.acceptance.session, 1, spki(publicKey), privateKey)), refused(1));
  const greedy = await world.agent(await world.token(), { ...REGISTRATION, names: ['demo-3'] });
  const { session } = greedy.acceptance;
  const answers: CertificateAnswer[] = [];
  for (let request = 1; request <= 12; request++)
    answers.push(await ask(greedy, requestOf(session, request, spki(publicKey), privateKey)));
  assert.deepEqual(
    answers.map((answer) => 'chain' in answer),
    Array.from({ length: 12 }, (_, index) => index < 10),
  );
});

test('a request without its fields ends the session, and nobody else', async (t) => {
  const world = await bastionWorld(t);
  const agent = await world.agent(await world.token(), REGISTRATION);
  const other = await world.agent(await world.token(), { ...REGISTRATION, names: ['other'] });
  agent.session.sendInfo({ type: 'certificate-request', request: 1 } as CertificateRequest);
  assert.equal((await agent.session.closed).code, 'protocol-error');
  const { publicKey, privateKey } = pair();
  assert.ok('chain' in (await ask(other, requestOf(other.acceptance.session, 1, spki(publicKey), privateKey))));
});

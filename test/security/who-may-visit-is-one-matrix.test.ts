// Every kind of visitor, every policy, every way to come: one table of expected answers, and none of it left out.

import assert from 'node:assert/strict';
import { connect } from 'node:http2';
import { request } from 'node:https';
import test from 'node:test';
import { join } from 'node:path';

import { Revocations } from '../../bastion/auth/revocations.ts';
import { SessionKeys } from '../../bastion/auth/session-keys.ts';
import { createToken, loadTokenKey } from '../../bastion/auth/token.ts';
import { VisitorSessions } from '../../bastion/auth/visitor-session.ts';
import { storePath } from '../../bastion/store/records.ts';
import { openSqliteStore } from '../../bastion/store/sqlite.ts';
import { parsePolicy } from '../../shared/wire/access.ts';
import { lookup } from '../../shared/net/resolve.ts';
import { DOMAIN, type BastionWorld } from '../support/bastion-world.ts';
import type { CookieBrowser } from '../support/cookie-browser.ts';
import { signInWorld, type SignInWorld } from '../support/sign-in-world.ts';

const POLICIES = ['private', 'bob', 'group:physics', 'signed-in', 'public'] as const;
type Policy = (typeof POLICIES)[number];

/** What a visitor sends to the host `demo`, besides what browsers say of where a request comes from. */
type Proof = { readonly cookie?: string; readonly authorization?: string };

const IN = 'in';
const everywhere = (answer: string): Record<Policy, string> => ({
  private: answer,
  bob: answer,
  'group:physics': answer,
  'signed-in': answer,
  public: IN,
});
/** Expected for each kind of visitor under each policy. */
const EXPECTED: Record<string, Record<Policy, string>> = {
  'the owner, by link': everywhere(IN),
  'the owner, signed in': everywhere(IN),
  'the owner, by token': everywhere(IN),
  'a guest, by link': everywhere(IN),
  'bob, who is in physics': { private: 'not-yours', bob: IN, 'group:physics': IN, 'signed-in': IN, public: IN },
  'carol, a stranger': { ...everywhere('not-yours'), 'signed-in': IN },
  "bob's token, which knows no groups": {
    private: 'not-yours',
    bob: IN,
    'group:physics': 'not-yours',
    'signed-in': IN,
    public: IN,
  },
  nobody: everywhere('sign-in-needed'),
  'an expired session of the owner': everywhere('sign-in-needed'),
  'a session of the owner for another name': everywhere('sign-in-needed'),
  'a session of the owner before her': everywhere('sign-in-needed'),
  'a guest whose link was taken back': everywhere('not-yours'),
  "a token of the owner's that was taken back": everywhere('credential-revoked'),
  "an expired token of the owner's": everywhere('credential-expired'),
  'a token of an agent': everywhere('credential-invalid'),
};

type Way = (world: BastionWorld, proof: Proof) => Promise<string>;

const fetched = { 'sec-fetch-site': 'same-origin', 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'empty' };
const verdict = (status: number, code: unknown): string =>
  status === 200 || status === 101 ? IN : typeof code === 'string' ? code : `status ${status}`;

function overHttp1(world: BastionWorld, proof: Proof, more: Record<string, string>): Promise<string> {
  return new Promise((resolve, reject) => {
    const host = `demo.${DOMAIN}`;
    const { port } = world.bastion;
    const headers = { host: `${host}:${port}`, origin: `https://${host}:${port}`, ...fetched, ...more, ...proof };
    const sent = request({ host, port, path: '/', headers, ca: world.ca, lookup, agent: false });
    sent.on('response', (answer) => {
      answer.resume();
      resolve(verdict(answer.statusCode ?? 0, answer.headers['postern-code']));
    });
    sent.on('upgrade', (_answer, socket) => {
      socket.destroy();
      resolve(IN);
    });
    sent.on('error', reject);
    sent.end();
  });
}

function overHttp2(world: BastionWorld, proof: Proof, more: Record<string, string>): Promise<string> {
  return new Promise((resolve, reject) => {
    const authority = `demo.${DOMAIN}:${world.bastion.port}`;
    const session = connect(`https://${authority}`, { ca: world.ca, lookup });
    session.on('error', reject);
    session.on('remoteSettings', () => {
      const fields = { ':path': '/', origin: `https://${authority}`, ...fetched, ...more, ...proof };
      const stream = session.request(fields, { endStream: more[':protocol'] === undefined });
      stream.on('error', () => {});
      stream.on('response', (headers) => {
        resolve(verdict(Number(headers[':status']), headers['postern-code']));
        session.destroy();
      });
    });
  });
}

const WAYS: Record<string, Way> = {
  'HTTP/1.1': (world, proof) => overHttp1(world, proof, {}),
  'HTTP/2': (world, proof) => overHttp2(world, proof, {}),
  'a WebSocket over HTTP/1.1': (world, proof) =>
    overHttp1(world, proof, {
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
      'sec-websocket-version': '13',
    }),
  'a WebSocket over HTTP/2': (world, proof) =>
    overHttp2(world, proof, {
      ':method': 'CONNECT',
      ':protocol': 'websocket',
      ':scheme': 'https',
      'sec-websocket-version': '13',
    }),
};

const cookieOf = (browser: CookieBrowser): string =>
  [...browser.jar('demo')].map(([name, value]) => `${name}=${value}`).join('; ');

/** Everybody of the table, as they come. Whoever signs in does so while all may, so that each has a session. */
async function visitors(world: SignInWorld, alice: CookieBrowser): Promise<Record<string, Proof>> {
  const cookie = async (login: 'alice' | 'bob' | 'carol'): Promise<Proof> => {
    const browser = await world.signedIn(login);
    assert.equal((await world.visitAs(browser)).status, 200, login);
    return { cookie: cookieOf(browser) };
  };
  const byLink = world.browser();
  assert.equal((await byLink.enter('demo', 'one-time')).status, 204);
  const share = async (): Promise<{ id: string; proof: Proof }> => {
    const { body } = await alice.call('demo--postern', 'POST', '/api/shares', {});
    const { id, url } = JSON.parse(body) as { id: string; url: string };
    const guest = world.browser();
    assert.equal((await guest.enter('demo', new URL(url).hash.slice('#postern='.length))).status, 204);
    return { id, proof: { cookie: cookieOf(guest) } };
  };
  const [guest, former] = [await share(), await share()];
  assert.equal((await alice.call('demo--postern', 'DELETE', `/api/shares/${former.id}`)).status, 200);
  const bearer = (token: string): Proof => ({ authorization: `Bearer ${token}` });
  const keys = new SessionKeys({ directory: join(world.state, 'visitor-keys'), rotateAfterMs: 1e12, keepMs: 1e12 });
  const sessions = new VisitorSessions({ keys, ttlMs: 60_000 });
  const forged = (name: string, owner: string, until?: number): Proof => ({
    cookie: sessions.issue(name, owner, {}, until).split(';')[0] as string,
  });
  const use = 'visitor' as const;
  return {
    'the owner, by link': { cookie: cookieOf(byLink) },
    'the owner, signed in': await cookie('alice'),
    'the owner, by token': bearer(await world.token({ use })),
    'a guest, by link': guest.proof,
    'bob, who is in physics': await cookie('bob'),
    'carol, a stranger': await cookie('carol'),
    "bob's token, which knows no groups": bearer(await world.token({ use, owner: 'bob' })),
    nobody: {},
    'an expired session of the owner': forged('demo', 'alice', Date.now() - 1000),
    'a session of the owner for another name': forged('other', 'alice'),
    'a session of the owner before her': forged('demo', 'mallory'),
    'a guest whose link was taken back': former.proof,
    "a token of the owner's that was taken back": bearer(await revokedToken(world)),
    "an expired token of the owner's": bearer(
      await createToken(
        loadTokenKey(world.state),
        { owner: 'alice', names: ['*'], use, ttlMs: 1000 },
        Date.now() - 60_000,
      ),
    ),
    'a token of an agent': bearer(await world.token()),
  };
}

async function revokedToken(world: SignInWorld): Promise<string> {
  const token = await world.token({ use: 'visitor' });
  const { jti } = JSON.parse(Buffer.from(token.split('.')[1] as string, 'base64url').toString()) as { jti: string };
  const store = openSqliteStore(storePath(world.state));
  new Revocations(store).revoke(jti);
  store.close();
  // The bastion looks at its store several times a second.
  const asks = () => world.visit(`demo.${DOMAIN}`, '/', { headers: { authorization: `Bearer ${token}` } });
  while ((await asks()).headers['postern-code'] !== 'credential-revoked')
    await new Promise((resolve) => setTimeout(resolve, 20));
  return token;
}

test('each visitor gets what the table says, by every way, under every policy', async (t) => {
  const world = await signInWorld(t);
  const alice = await world.signedIn('alice');
  await world.visitAs(alice);
  await alice.open(`${alice.originOf('demo--postern')}/`);
  const decide = async (policy: Policy): Promise<void> => {
    const answer = await alice.call('demo--postern', 'PUT', '/api/access', parsePolicy(policy));
    assert.equal(answer.status, 200, answer.body);
  };
  await decide('signed-in');
  const proofs = await visitors(world, alice);
  assert.deepEqual(Object.keys(proofs), Object.keys(EXPECTED));
  for (const policy of POLICIES) {
    await decide(policy);
    for (const [who, proof] of Object.entries(proofs))
      for (const [way, come] of Object.entries(WAYS))
        assert.equal(await come(world, proof), EXPECTED[who]?.[policy], `${who}, ${policy}, ${way}`);
  }
});

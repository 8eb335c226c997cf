// A pass brings a session from one host of a name to another: only for the browser that asked, once, and not for long.

import assert from 'node:assert/strict';
import test from 'node:test';

import { Passes, VERIFIER_COOKIE } from '../../../bastion/auth/passes.ts';
import { VisitorSessions } from '../../../bastion/auth/visitor-session.ts';

const START = 1_800_000_000_000;
const KEY = { id: '1700000000000-00000000', secret: Buffer.alloc(32, 7) };
const KEYS = { current: () => KEY, find: (id: string) => (id === KEY.id ? KEY : undefined) };
const HERE = { label: 'alice--8787', owner: 'alice' };

function world() {
  const clock = { now: START };
  const now = (): number => clock.now;
  const sessions = new VisitorSessions({ keys: KEYS, ttlMs: 3_600_000, now });
  const passes = new Passes({ keys: KEYS, sessions, now });
  const cookie = pair(sessions.issue('alice', 'alice'));
  const session = sessions.verify(cookie, 'alice', 'alice');
  assert.ok(session !== undefined);
  const { challenge, setCookie } = passes.begin(undefined);
  const asking = { to: HERE.label, owner: 'alice', challenge, returnTo: '/x?y=1' };
  return { clock, sessions, passes, cookie, session, asking, verifier: pair(setCookie) };
}

const pair = (setCookie: string): string => setCookie.split(';')[0] as string;
const INVALID = { code: 'pass-invalid' };

test('the browser that began it gets a session for that host, as long as the one that vouched', () => {
  const { clock, passes, sessions, session: vouching, asking, verifier } = world();
  clock.now += 600_000;
  const { returnTo, cookies } = passes.exchange(passes.grant(vouching, asking), { cookie: verifier, ...HERE });
  assert.equal(returnTo, '/x?y=1');
  const [session = '', cleared = ''] = cookies;
  assert.match(session, /^__Host-postern=[^;]+; Path=\/; Max-Age=3000; HttpOnly; Secure; SameSite=Lax$/);
  assert.match(cleared, new RegExp(`^${VERIFIER_COOKIE}=; .*Max-Age=0`));
  assert.equal(sessions.verify(pair(session), HERE.label, 'alice')?.expiresAt, START + 3_600_000);
  assert.equal(sessions.verify(pair(session), 'alice', 'alice'), undefined);
});

test('without a challenge there is no pass', () => {
  const { passes, session, asking } = world();
  assert.throws(() => passes.grant(session, { ...asking, challenge: 'short' }), INVALID);
});

test('who signed in, or came by a guest link, is the same at the other host, and takes the place of somebody else', () => {
  const { passes, sessions, asking, verifier } = world();
  const person = { account: 'bob', groups: ['physics'], provider: 'idp' };
  for (const entrance of [{ person }, { share: 'abc' }]) {
    const vouching = sessions.verify(pair(sessions.issue('alice', 'alice', entrance)), 'alice', 'alice');
    assert.ok(vouching !== undefined);
    const there = pair(sessions.issue(HERE.label, 'alice'));
    const { cookies } = passes.exchange(passes.grant(vouching, asking), { cookie: `${verifier}; ${there}`, ...HERE });
    const got = sessions.verify(pair(cookies[0] as string), HERE.label, 'alice');
    assert.deepEqual({ person: got?.person, share: got?.share }, { person: undefined, share: undefined, ...entrance });
  }
});

test('a pass is worth nothing to another browser, at another host, for another owner, twice, or later', () => {
  const { clock, passes, session, asking, verifier } = world();
  const code = passes.grant(session, asking);
  const other = pair(passes.begin(undefined).setCookie);
  for (const cookie of [undefined, other, `${VERIFIER_COOKIE}=`, verifier.replace('-pass', '-Pass')])
    assert.throws(() => passes.exchange(code, { cookie, ...HERE }), INVALID, cookie);
  const elsewhere = [{ label: 'alice--8788' }, { label: 'alice' }, { label: 'bob--8787' }, { owner: 'bob' }];
  for (const change of elsewhere)
    assert.throws(() => passes.exchange(code, { cookie: verifier, ...HERE, ...change }), INVALID);
  passes.exchange(code, { cookie: verifier, ...HERE });
  assert.throws(() => passes.exchange(code, { cookie: verifier, ...HERE }), INVALID);
  const late = passes.grant(session, asking);
  clock.now += 60_000;
  assert.throws(() => passes.exchange(late, { cookie: verifier, ...HERE }), INVALID);
});

test('a pass cannot be made up, nor a cookie be taken for one, nor the other way round', () => {
  const { passes, sessions, session, cookie: taken, asking, verifier } = world();
  const code = passes.grant(session, asking);
  const [id, claims = '', mac = ''] = code.split('.');
  const forged = Buffer.from(JSON.stringify({ ...read(claims), r: '/y' })).toString('base64url');
  const made = [
    `${id}.${forged}.${mac}`,
    `${id}.${claims}.${'A'.repeat(43)}`,
    `${id}.${claims}`,
    '',
    '..',
    'x'.repeat(9000),
  ];
  for (const text of [...made, taken.split('=')[1] as string])
    assert.throws(() => passes.exchange(text, { cookie: verifier, ...HERE }), INVALID, text);
  assert.equal(sessions.verify(`__Host-postern=${code}`, HERE.label, 'alice'), undefined);
});

test('two tabs share one verifier, and the second finds the session of the first', () => {
  const { passes, session, asking, verifier } = world();
  const again = passes.begin(verifier);
  assert.equal(again.challenge, asking.challenge);
  const first = passes.exchange(passes.grant(session, asking), { cookie: verifier, ...HERE });
  const cookie = pair(first.cookies[0] as string);
  const second = passes.exchange(passes.grant(session, { ...asking, returnTo: '/two' }), { cookie, ...HERE });
  assert.deepEqual(second, { returnTo: '/two', cookies: [] });
});

test('where it goes on is a path of the same host, and no page of ours', () => {
  const { passes, session, asking, verifier } = world();
  const cookie = verifier;
  const goesTo = (returnTo: string): string =>
    passes.exchange(passes.grant(session, { ...asking, returnTo }), { cookie, ...HERE }).returnTo;
  for (const odd of ['https://evil.org/', 'x', '', '/a\r\nb', '/ä', '/a b', `/${'x'.repeat(2048)}`, '/_postern/arrive'])
    assert.equal(goesTo(odd), '/', odd);
  for (const path of ['/', '/a/%2f?x=%0d#', '//evil.org/', '/\\evil']) assert.equal(goesTo(path), path);
});

function read(claims: string): object {
  return JSON.parse(Buffer.from(claims, 'base64url').toString()) as object;
}

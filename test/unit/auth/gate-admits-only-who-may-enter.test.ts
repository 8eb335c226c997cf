// The gate's table: which proof, from where, with which method, gets in, and with whose rights.

import assert from 'node:assert/strict';
import test from 'node:test';

import { Attempts } from '../../../bastion/auth/attempts.ts';
import type { Authenticator } from '../../../bastion/auth/authenticator.ts';
import { Gate } from '../../../bastion/auth/gate.ts';
import type { Approach, Guarded } from '../../../bastion/auth/gate.ts';
import { VisitorSessions } from '../../../bastion/auth/visitor-session.ts';
import { PosternError } from '../../../shared/errors.ts';
import { accessBook } from '../../support/access-book.ts';

const HOST = 'alice-1.notebooks.example.org:8443';
const OWN = `https://${HOST}`;
const SIBLING = 'https://bob.notebooks.example.org:8443';
const key = { id: '1700000000000-00000000', secret: Buffer.alloc(32, 7) };
const keys = { current: () => key, find: (id: string) => (id === key.id ? key : undefined) };
const sessions = new VisitorSessions({ keys, ttlMs: 60_000 });
const cookieFor = (name: string, owner: string): string => sessions.issue(name, owner).split(';')[0] as string;
const COOKIE = cookieFor('alice-1', 'alice');

const identity = { owner: 'alice', names: ['alice-*'], expiresAt: Date.now() + 60_000, id: 't1' };
const authenticator: Authenticator = {
  async authenticate(credential, use) {
    assert.equal(use, 'visitor');
    if (credential === 'alices-token') return identity;
    if (credential === 'alices-other-token') return { ...identity, names: ['alice-2'] };
    if (credential === 'bobs-token') return { ...identity, owner: 'bob', names: ['*'] };
    if (credential === 'old-token') throw new PosternError('credential-expired');
    return undefined;
  },
};

function tunnel(
  access: 'private' | 'public' = 'private',
  invited: readonly string[] = [],
): Guarded & { spent: string[] } {
  const spent: string[] = [];
  return {
    identity: { owner: 'alice' },
    policy:
      invited.length === 0
        ? { kind: access, people: [], groups: [] }
        : { kind: 'invited', people: invited, groups: ['physics'] },
    spent,
    spendLink: (secret) => (secret === 'right' && spent.length === 0 ? spent.push(secret) > 0 : false),
  };
}

const PLACE = { name: 'alice-1', label: 'alice-1' };

function gate(): Gate {
  const attempts = new Attempts({ burst: 3, refillMs: 1000, remember: 100, now: () => 0 });
  return new Gate({ authenticator, sessions, access: accessBook(), attempts, standing: () => undefined });
}

function approach(headers: Record<string, string>, method = 'GET', upgrade = false): Approach {
  const place = { name: 'alice-1', label: 'alice-1', address: '192.0.2.1' };
  return { ...place, method, headers: { host: HOST, ...headers }, upgrade };
}

async function outcome(what: Approach, guarded: Guarded = tunnel()): Promise<string> {
  try {
    const admission = await gate().admit(what, guarded);
    const words = [admission.visitor];
    if (admission.inject) words.push('inject');
    if (admission.dropAuthorization) words.push('drop');
    return words.join(' ');
  } catch (error) {
    if (error instanceof PosternError) return error.code;
    throw error;
  }
}

const navigate = { 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' };
const from = (site: string, more: Record<string, string> = {}): Record<string, string> => ({
  'sec-fetch-site': site,
  ...more,
});

/** [what, method, headers beside host and cookie, expected] for requests that carry the right cookie. */
const WITH_COOKIE: readonly [string, string, Record<string, string>, string][] = [
  // Pages of the notebook's own.
  ['a page of its own reads', 'GET', from('same-origin'), 'alice inject'],
  ['a page of its own posts', 'POST', from('same-origin', { origin: OWN }), 'alice inject'],
  ['a form that withholds its referrer posts', 'POST', from('same-origin', { origin: 'null' }), 'alice inject'],
  ['a frame of its own', 'GET', from('same-origin', { 'sec-fetch-dest': 'iframe' }), 'alice inject'],
  // The visitor in person: address bar, bookmark.
  ['the address bar', 'GET', from('none', navigate), 'alice inject'],
  ['the address bar with a null origin', 'POST', from('none', { origin: 'null' }), 'cross-site'],
  // Other sites, siblings under the same domain included.
  ['a link from elsewhere', 'GET', from('cross-site', navigate), 'alice inject'],
  ['a link from a sibling', 'GET', from('same-site', navigate), 'alice inject'],
  ['a form from elsewhere', 'POST', from('cross-site', navigate), 'cross-site'],
  ['a form from a sibling', 'POST', from('same-site', { ...navigate, origin: SIBLING }), 'cross-site'],
  ['a HEAD from elsewhere', 'HEAD', from('cross-site', navigate), 'cross-site'],
  ['an iframe elsewhere', 'GET', from('cross-site', { ...navigate, 'sec-fetch-dest': 'iframe' }), 'cross-site'],
  ['an iframe in a sibling', 'GET', from('same-site', { ...navigate, 'sec-fetch-dest': 'iframe' }), 'cross-site'],
  ['an object elsewhere', 'GET', from('cross-site', { ...navigate, 'sec-fetch-dest': 'object' }), 'cross-site'],
  [
    'an image elsewhere',
    'GET',
    from('cross-site', { 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'image' }),
    'cross-site',
  ],
  [
    'a script in a sibling',
    'GET',
    from('same-site', { 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'script' }),
    'cross-site',
  ],
  ['a fetch from a sibling', 'GET', from('same-site', { 'sec-fetch-mode': 'cors', origin: SIBLING }), 'cross-site'],
  [
    'a sandboxed page of its own',
    'GET',
    from('cross-site', { 'sec-fetch-mode': 'cors', origin: 'null' }),
    'cross-site',
  ],
  ['a sandboxed page of its own posts', 'POST', from('cross-site', { origin: 'null' }), 'cross-site'],
  ['a link without a destination', 'GET', from('cross-site', { 'sec-fetch-mode': 'navigate' }), 'cross-site'],
  ['a site value nobody knows', 'GET', from('galactic', navigate), 'cross-site'],
  ['headers that contradict each other', 'GET', from('same-origin', { origin: SIBLING }), 'cross-site'],
  // Old browsers, and programs that keep cookies: no Sec-Fetch-Site.
  ['an old browser reads', 'GET', {}, 'alice inject'],
  ['an old browser asks for the head', 'HEAD', {}, 'alice inject'],
  ['an old browser posts', 'POST', { origin: OWN }, 'alice inject'],
  ['an old browser posts for a sibling', 'POST', { origin: SIBLING }, 'cross-site'],
  ['an old browser posts for a sandbox', 'POST', { origin: 'null' }, 'cross-site'],
  ['an old browser fetches for a sibling', 'GET', { origin: SIBLING }, 'cross-site'],
  ['an old browser fetches for a sandbox', 'GET', { origin: 'null' }, 'cross-site'],
  ['a post without a word on its origin', 'POST', {}, 'cross-site'],
  ['a delete without a word on its origin', 'DELETE', {}, 'cross-site'],
  ['an invented method without a word on its origin', 'PROPFIND', {}, 'cross-site'],
  // Origins that only look right.
  ['the right host on another port', 'POST', { origin: 'https://alice-1.notebooks.example.org' }, 'cross-site'],
  ['the right host without TLS', 'POST', { origin: `http://${HOST}` }, 'cross-site'],
  ['the right host as a beginning', 'POST', { origin: `${OWN}.evil.example` }, 'cross-site'],
  ['the right host as user name', 'POST', { origin: `${OWN}@evil.example` }, 'cross-site'],
  ['two origins', 'POST', { origin: `${OWN}, ${OWN}` }, 'cross-site'],
  // An Authorization of the visitor's own is passed on and never helped.
  ["the notebook's own token", 'GET', from('same-origin', { authorization: 'token abc' }), 'alice'],
  ["a bearer of the notebook's own", 'GET', from('same-origin', { authorization: 'Bearer abc' }), 'alice'],
  ['an empty Authorization', 'GET', from('same-origin', { authorization: '' }), 'alice'],
  [
    'cookie and token of ours together',
    'GET',
    from('cross-site', { authorization: 'Bearer alices-token' }),
    'alice inject drop',
  ],
  ['a right cookie and an expired token', 'GET', { authorization: 'Bearer old-token' }, 'credential-expired'],
];

for (const [what, method, headers, expected] of WITH_COOKIE)
  test(`with the cookie, ${what} (${method}) -> ${expected}`, async () => {
    assert.equal(await outcome(approach({ cookie: COOKIE, ...headers }, method)), expected);
  });

const UPGRADES: readonly [string, Record<string, string>, string][] = [
  ['with the own Origin alone', { origin: OWN }, 'alice inject'],
  [
    'with the own Origin and same-origin',
    from('same-origin', { origin: OWN, 'sec-fetch-dest': 'websocket' }),
    'alice inject',
  ],
  ['without an Origin', {}, 'cross-site'],
  ['without an Origin but same-origin', from('same-origin'), 'cross-site'],
  ['with a null Origin', { origin: 'null' }, 'cross-site'],
  ['with a null Origin and same-origin', from('same-origin', { origin: 'null' }), 'cross-site'],
  ['of a sibling', { origin: SIBLING }, 'cross-site'],
  ['of a sibling that says so', from('same-site', { origin: SIBLING }), 'cross-site'],
  ['with the own Origin but cross-site', from('cross-site', { origin: OWN }), 'cross-site'],
  ['dressed up as a link', from('cross-site', navigate), 'cross-site'],
  [
    'with a token of ours',
    from('cross-site', { origin: SIBLING, authorization: 'Bearer alices-token' }),
    'alice inject drop',
  ],
];

for (const [what, headers, expected] of UPGRADES)
  test(`an upgrade ${what} -> ${expected}`, async () => {
    assert.equal(await outcome(approach({ cookie: COOKIE, ...headers }, 'GET', true)), expected);
    const extendedConnect = approach({ cookie: COOKIE, ...headers }, 'CONNECT', true);
    assert.equal(await outcome(extendedConnect), expected);
  });

const PROOFS: readonly [string, Record<string, string>, string][] = [
  ['nothing', {}, 'sign-in-needed'],
  ['nothing but good manners', from('same-origin', { origin: OWN }), 'sign-in-needed'],
  ['a cookie for another name', { cookie: cookieFor('alice-2', 'alice') }, 'sign-in-needed'],
  ['a cookie of another owner', { cookie: cookieFor('alice-1', 'bob') }, 'sign-in-needed'],
  ['a cookie with one character changed', { cookie: `${COOKIE.slice(0, -2)}AA` }, 'sign-in-needed'],
  ['a good cookie behind a planted one', { cookie: `__Host-postern=x; ${COOKIE}` }, 'alice inject'],
  ['a token', { authorization: 'Bearer alices-token' }, 'alice inject drop'],
  ['a token in small letters', { authorization: 'bearer alices-token' }, 'alice inject drop'],
  ["somebody else's token", { authorization: 'Bearer bobs-token' }, 'not-yours'],
  ['a token for other names', { authorization: 'Bearer alices-other-token' }, 'not-yours'],
  ['an expired token', { authorization: 'Bearer old-token' }, 'credential-expired'],
  ['a token of no kind we know', { authorization: 'Bearer whatever' }, 'sign-in-needed'],
  ['a token under another scheme', { authorization: 'token alices-token' }, 'sign-in-needed'],
  ['a token behind other words', { authorization: 'Basic x Bearer alices-token' }, 'sign-in-needed'],
  ['two tokens', { authorization: 'Bearer alices-token, bobs-token' }, 'sign-in-needed'],
];

for (const [what, headers, expected] of PROOFS)
  test(`${what} proves -> ${expected}`, async () => {
    assert.equal(await outcome(approach(headers)), expected);
  });

const PUBLIC: readonly [string, Record<string, string>, string][] = [
  ['anybody', {}, 'public'],
  ['another site', from('cross-site', { origin: SIBLING }), 'public'],
  ['the owner with the cookie', { cookie: COOKIE }, 'public'],
  ['a token of ours', { authorization: 'Bearer bobs-token' }, 'public drop'],
  ['an expired token of ours', { authorization: 'Bearer old-token' }, 'public drop'],
  ["the notebook's own token", { authorization: 'token abc' }, 'public'],
  ["a bearer of the notebook's own", { authorization: 'Bearer abc' }, 'public'],
];

for (const [what, headers, expected] of PUBLIC)
  test(`a public notebook admits ${what} without ever giving its token away -> ${expected}`, async () => {
    assert.equal(await outcome(approach(headers, 'POST'), tunnel('public')), expected);
  });

test('a cookie is judged without waiting, and so is a token seen before', async () => {
  const one = gate();
  assert.equal(one.admit(approach({ cookie: COOKIE }), tunnel()) instanceof Promise, false);
  const withToken = approach({ authorization: 'Bearer alices-token' });
  assert.equal(one.admit(withToken, tunnel()) instanceof Promise, true);
  await one.admit(withToken, tunnel());
  assert.equal(one.admit(withToken, tunnel()) instanceof Promise, false);
});

test('a default port in the Host header is the same origin as none', async () => {
  const headers = {
    cookie: COOKIE,
    host: 'Alice-1.notebooks.example.org:443',
    origin: 'https://alice-1.notebooks.example.org',
  };
  assert.equal(await outcome(approach(headers, 'POST')), 'alice inject');
});

test('a one-time link becomes a cookie that is admitted, once', async () => {
  const one = gate();
  const guarded = tunnel();
  const cookie = one.enter('right', PLACE, guarded, '192.0.2.1');
  assert.match(cookie, /^__Host-postern=[^;]+; Path=\/; Max-Age=(?:60|59); HttpOnly; Secure; SameSite=Lax$/);
  assert.equal(await outcome(approach({ cookie: cookie.split(';')[0] as string })), 'alice inject');
  assert.throws(() => one.enter('right', PLACE, guarded, '192.0.2.1'), { code: 'link-spent' });
});

test('wrong links are limited for each address, right ones are not counted', () => {
  const one = gate();
  for (let i = 0; i < 5; i++) one.enter('right', PLACE, tunnel(), '192.0.2.1');
  for (let i = 0; i < 3; i++)
    assert.throws(() => one.enter('wrong', PLACE, tunnel(), '192.0.2.1'), { code: 'link-spent' });
  assert.throws(() => one.enter('right', PLACE, tunnel(), '192.0.2.1'), { code: 'visitor-limit' });
  assert.ok(one.enter('right', PLACE, tunnel(), '192.0.2.2'));
});

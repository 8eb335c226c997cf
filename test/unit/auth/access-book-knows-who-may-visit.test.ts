// Policies and guest links: what an owner decides holds for that owner's name alone, survives, and ends when it is taken back.

import assert from 'node:assert/strict';
import test from 'node:test';

import { AccessBook, LONGEST_SHARE_MS } from '../../../bastion/auth/access-book.ts';
import { openSqliteStore } from '../../../bastion/store/sqlite.ts';
import { parsePolicy, policyText, readPolicy } from '../../../shared/wire/access.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const DEMO = { name: 'demo', owner: 'alice' };
const START = 1_800_000_000_000;

function world() {
  const clock = new FakeClock();
  const time = { now: START };
  const store = openSqliteStore(':memory:', clock);
  const book = new AccessBook({ store, now: () => time.now });
  return { clock, time, store, book };
}

test('what the owner decided counts until it is taken back, and for nobody who has the name later', () => {
  const { book, store } = world();
  assert.equal(book.decided(DEMO), undefined);
  const policy = parsePolicy('bob,group:physics');
  book.decide(DEMO, policy);
  assert.deepEqual(book.decided(DEMO), { owner: 'alice', changed: START, policy });
  assert.equal(book.decided({ ...DEMO, owner: 'mallory' }), undefined);
  assert.deepEqual(new AccessBook({ store }).decided(DEMO)?.policy, policy, 'it is in the store');
  book.decide(DEMO, undefined);
  assert.equal(book.decided(DEMO), undefined);
  store.close();
});

test('a policy that cannot be read lets in the owner alone', () => {
  const { store } = world();
  store.policies.put({ ...DEMO, changed: START, policy: { kind: 'everybody' } });
  assert.equal(new AccessBook({ store }).decided(DEMO)?.policy.kind, 'private');
  store.close();
});

test('a guest link is good for its name and owner, until it expires or is taken back, and its secret is not stored', () => {
  const { book, store, time } = world();
  const { share, secret } = book.share(DEMO, { forMs: 1000, note: 'for bob' });
  assert.equal(JSON.stringify(store.shares.all()).includes(secret), false);
  assert.equal(book.redeem(DEMO, secret)?.id, share.id);
  assert.equal(book.redeem(DEMO, `${secret}x`), undefined);
  assert.equal(book.redeem({ ...DEMO, name: 'other' }, secret), undefined);
  assert.equal(book.redeem({ ...DEMO, owner: 'mallory' }, secret), undefined);
  assert.ok(book.holds(DEMO, share.id));
  assert.ok(!book.holds({ ...DEMO, owner: 'mallory' }, share.id));
  assert.ok(!book.revoke({ ...DEMO, owner: 'mallory' }, share.id));
  time.now += 1000;
  assert.ok(!book.holds(DEMO, share.id));
  assert.equal(book.redeem(DEMO, secret), undefined);
  const second = book.share(DEMO, { forMs: Infinity, note: '' });
  assert.equal(second.share.expires, time.now + LONGEST_SHARE_MS);
  assert.ok(book.revoke(DEMO, second.share.id));
  assert.ok(!book.holds(DEMO, second.share.id));
  assert.equal(book.redeem(DEMO, second.secret), undefined);
  store.close();
});

test('guest links of one name are limited, and those taken back do not count', () => {
  const { book, store } = world();
  const made = Array.from({ length: 50 }, () => book.share(DEMO, { forMs: 1000, note: '' }).share);
  assert.throws(() => book.share(DEMO, { forMs: 1000, note: '' }), { code: 'share-limit' });
  book.share({ ...DEMO, name: 'other' }, { forMs: 1000, note: '' });
  book.revoke(DEMO, made[0]?.id ?? '');
  book.share(DEMO, { forMs: 1000, note: '' });
  store.close();
});

test("whoever must know hears of every change, another process's too", async () => {
  const { book, store, clock } = world();
  let heard = 0;
  book.watch(() => (heard += 1));
  book.decide(DEMO, parsePolicy('public'));
  assert.equal(heard, 1);
  store.policies.put({ ...DEMO, changed: START, policy: { ...parsePolicy('private') } });
  await clock.advance(300);
  assert.ok(heard > 1);
  assert.equal(book.decided(DEMO)?.policy.kind, 'private');
  store.close();
});

test('a command line says who may visit, and is said back', () => {
  for (const text of ['private', 'public', 'signed-in', 'bob', 'bob,carol@example.org,group:physics'])
    assert.equal(policyText(parsePolicy(text)), text);
  for (const text of ['', 'bob,', 'group:', 'a b', 'invited,'])
    assert.throws(() => parsePolicy(text), { code: 'registration-malformed' }, text);
  assert.deepEqual(readPolicy({ kind: 'signed-in', people: [], groups: [] }).kind, 'signed-in');
});

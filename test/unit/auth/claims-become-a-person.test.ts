// What a provider claims becomes an account and groups of this site, or a reason why it does not; nobody is taken for another.

import assert from 'node:assert/strict';
import test from 'node:test';

import { ClaimsProblem, MOST_GROUPS, personOf, type ClaimRules } from '../../../bastion/auth/person.ts';

const RULES: ClaimRules = { account: ['eppn'], homeDomain: 'example.org', groups: 'groups', require: {} };

function account(claims: Record<string, unknown>, rules: Partial<ClaimRules> = {}): string {
  try {
    return personOf(claims, { ...RULES, ...rules }, 'idp').account;
  } catch (error) {
    assert.ok(error instanceof ClaimsProblem, String(error));
    return `refused: ${error.message}`;
  }
}

test('an account of the home domain loses it, and every other keeps its own', () => {
  assert.equal(account({ eppn: 'alice@example.org' }), 'alice');
  assert.equal(account({ eppn: 'alice@EXAMPLE.org' }), 'alice');
  assert.equal(account({ eppn: 'alice@Example.COM' }), 'alice@example.com');
  assert.equal(account({ eppn: 'alice@sub.example.org' }), 'alice@sub.example.org');
  assert.equal(account({ eppn: 'alice' }, { homeDomain: undefined }), 'alice');
});

test('what could be taken for somebody of this house is refused', () => {
  for (const eppn of [
    'alice',
    '',
    '@example.org',
    'alice@evil@example.org',
    'public@example.org',
    'a b@example.org',
    'a\nb',
    'älice@x',
    'x'.repeat(70),
  ])
    assert.match(account({ eppn }), /^refused/, eppn);
  for (const eppn of [undefined, 7, null, ['alice@example.org'], { toString: 'alice@example.org' }])
    assert.match(account({ eppn }), /^refused/);
});

test('the first claim that is there counts, also inside of an object, and an e-mail address only when it is verified', () => {
  const rules = { account: ['eppn', 'user.name', 'email'], homeDomain: undefined };
  assert.equal(account({ email: 'x@y.org', email_verified: true, user: { name: 'bob' } }, rules), 'bob');
  assert.equal(account({ email: 'x@y.org', email_verified: true }, rules), 'x@y.org');
  assert.equal(account({ email: 'x@y.org', email_verified: 'true' }, rules), 'x@y.org');
  for (const verified of [undefined, false, 'false', 1])
    assert.match(account({ email: 'x@y.org', email_verified: verified }, rules), /^refused/);
  assert.match(account({ __proto__: { eppn: 'eve' } }, rules), /^refused/);
});

test('claims that are asked for must have one of the values', () => {
  const rules = { require: { idp: ['https://a', 'https://b'] } };
  assert.equal(account({ eppn: 'alice@example.org', idp: 'https://b' }, rules), 'alice');
  assert.equal(account({ eppn: 'alice@example.org', idp: ['x', 'https://a'] }, rules), 'alice');
  for (const idp of [undefined, 'https://c', 'https://b/', ['x'], 1])
    assert.match(account({ eppn: 'alice@example.org', idp }, rules), /^refused/);
});

test('groups are words, each once, and no more than a cookie holds', () => {
  const groups = (value: unknown): readonly string[] =>
    personOf({ eppn: 'a@example.org', groups: value }, RULES, 'idp').groups;
  assert.deepEqual(groups(['physics', 'physics', 'a b', 7, 'ü', '']), ['physics', 'a', 'b']);
  assert.deepEqual(groups('physics,staff  users'), ['physics', 'staff', 'users']);
  assert.deepEqual(groups(undefined), []);
  assert.equal(groups(Array.from({ length: 100 }, (_, index) => `g${index}`)).length, MOST_GROUPS);
  assert.ok(groups(Array.from({ length: 30 }, (_, index) => 'g'.repeat(190) + index)).length < 8);
});

// The site's rules for outside issuers: all problems are named at once, and nothing that was mistyped is passed over.

import assert from 'node:assert/strict';
import test from 'node:test';

import { readIssuerRules } from '../../../bastion/auth/issuer-rules.ts';
import { PosternError } from '../../../shared/errors.ts';

const good = {
  issuer: 'https://issuer.example',
  audience: 'https://notebooks.example.org',
  agent: {},
  owner: { claim: 'sub' },
  names: ['{owner}-*'],
};

function problems(value: unknown): string {
  try {
    readIssuerRules(typeof value === 'string' ? value : JSON.stringify(value), 'issuers.json');
    return '';
  } catch (error) {
    assert.ok(error instanceof PosternError);
    assert.equal(error.code, 'options-invalid');
    return error.detail ?? '';
  }
}

const changed = (change: Record<string, unknown>): string => problems({ issuers: [{ ...good, ...change }] });

test('the least that a rule needs is enough', () => {
  const [rule] = readIssuerRules(JSON.stringify({ issuers: [good] }), 'issuers.json');
  assert.deepEqual(rule?.audiences, ['https://notebooks.example.org']);
  assert.deepEqual(rule?.algorithms, ['RS256', 'ES256', 'EdDSA']);
  assert.deepEqual([...(rule?.uses.keys() ?? [])], ['agent']);
});

const CASES: readonly [string, Record<string, unknown>, RegExp][] = [
  ['an unknown key', { audiance: 'x' }, /there is no "audiance"/],
  ['an issuer without TLS', { issuer: 'http://issuer.example' }, /issuer: "http:.*not an https/],
  ['no audience', { audience: [] }, /audience is not a text/],
  ['no use', { agent: undefined }, /neither "agent" nor "visitor"/],
  ['an unknown key in a use', { agent: { scope: 'x' } }, /agent: there is no "scope"/],
  ['a symmetric algorithm', { algorithms: ['HS256'] }, /"HS256" is not one of/],
  ['no algorithm', { algorithms: ['none'] }, /"none" is not one of/],
  ['an owner that is a text', { owner: 'sub' }, /owner is not an object.*owner.claim is not a text/],
  ['a table with an impossible account', { owner: { claim: 'sub', map: { a: 'public' } } }, /"public" is reserved/],
  ['an impossible name', { names: ['{owner}_*'] }, /names: "\{owner\}_\*" is not a name pattern/],
  ['a claim that is no text', { agent: { claims: { groups: 1 } } }, /agent\.claims\.groups is not a text/],
  ['keys without TLS', { jwks: 'http://issuer.example/keys' }, /jwks: .*not an https/],
];

for (const [what, change, expected] of CASES)
  test(`${what} is refused`, () => {
    assert.match(changed(change), expected);
  });

test('all problems are named at once, each with its place', () => {
  const text = problems({ issuers: [good, { ...good, issuer: 'x', names: [], owner: {} }] });
  assert.match(text, /issuers\[1\]\.issuer.*issuers\[1\]\.owner\.claim.*issuers\[1\]\.names/);
});

test('what is no list of issuers is refused, and so is an issuer that is there twice', () => {
  for (const value of ['{', '[]', '{"issuers":[]}', '{"issuers":[1]}', '{"issuer":[]}'])
    assert.match(problems(value), /not a/, value);
  assert.match(problems({ issuers: [good, good] }), /there twice/);
});

// The link that lets the owner in.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import test from 'node:test';

import { OneTimeLink } from '../../../agent/links.ts';

function secretOf(url: string): string {
  return new URL(url).hash.replace('#postern=', '');
}

test('the secret stands in the fragment, and its hash is what the bastion gets', () => {
  const link = new OneTimeLink();
  const url = link.urlFor('https://demo.example.org:8443/');
  const secret = secretOf(url);
  assert.match(secret, /^[\w-]{43}$/);
  assert.equal(url, `https://demo.example.org:8443/#postern=${secret}`);
  assert.equal(link.hash, createHash('sha256').update(secret).digest('hex'));
});

test('a spent link is followed by another, once', () => {
  const link = new OneTimeLink();
  const spent = link.hash;
  const before = secretOf(link.urlFor('https://a/'));
  assert.equal(link.renew(spent), true);
  assert.notEqual(link.hash, spent);
  assert.notEqual(secretOf(link.urlFor('https://a/')), before);
  assert.equal(link.renew(spent), false);
});

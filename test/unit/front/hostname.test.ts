// Which place a Host header leads to.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { normalDomain, originOf, placeOf } from '../../../bastion/front/hostname.ts';

const DOMAIN = 'notebooks.example.org';
const kindOf = (host: string): string => {
  const place = placeOf(host, DOMAIN);
  return place.kind === 'name' ? `name ${place.name}` : place.kind;
};

test('a name is the one label below the domain, whatever its case, port or trailing dot', () => {
  for (const host of [
    'alice.notebooks.example.org',
    'ALICE.Notebooks.Example.ORG:8443',
    'alice.notebooks.example.org.:443',
  ])
    assert.equal(kindOf(host), 'name alice');
  assert.equal(kindOf(`${'a'.repeat(63)}.${DOMAIN}`), `name ${'a'.repeat(63)}`);
  assert.equal(kindOf('a--8787.notebooks.example.org'), 'name a--8787');
});

test('the domain itself is the apex', () => {
  for (const host of [DOMAIN, `${DOMAIN}.`, `${DOMAIN}:8443`, DOMAIN.toUpperCase()]) assert.equal(kindOf(host), 'apex');
});

test('other hosts, deeper labels and labels that break the rules are foreign', () => {
  const hosts = [
    'example.org',
    'evil.org',
    `a.b.${DOMAIN}`,
    `xnotebooks.example.org`,
    `-a.${DOMAIN}`,
    `a-.${DOMAIN}`,
    `a_b.${DOMAIN}`,
    `${'a'.repeat(64)}.${DOMAIN}`,
    '127.0.0.1',
    '[::1]:8443',
    `${DOMAIN}.evil.org`,
  ];
  for (const host of hosts) assert.equal(kindOf(host), 'foreign', host);
});

test('what is no host name at all is invalid', () => {
  const hosts = ['', ':80', 'a b', `a@${DOMAIN}`, `${DOMAIN}:`, `${DOMAIN}:80:80`, `${DOMAIN}/x`, `a..${DOMAIN}`];
  for (const host of [...hosts, `.${DOMAIN}`, `${DOMAIN}..`, 'ä.org', `a,b.${DOMAIN}`, `${DOMAIN}:123456`])
    assert.equal(kindOf(host), 'invalid', host);
});

test('domains and origins are written as browsers write them', () => {
  assert.equal(normalDomain('Notebooks.Example.org.'), DOMAIN);
  assert.equal(originOf('Alice.Example.org:443'), 'https://alice.example.org');
  assert.equal(originOf('alice.example.org:8443'), 'https://alice.example.org:8443');
});

// Which place a Host header leads to.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { neighbourOf, normalDomain, originOf, placeOf } from '../../../bastion/front/hostname.ts';

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
});

test('behind two hyphens stands a service of the name, or a port', () => {
  const place = (label: string): unknown => placeOf(`${label}.${DOMAIN}`, DOMAIN);
  const kind = 'name';
  assert.deepEqual(place('alice'), { kind, name: 'alice', service: 'web', label: 'alice' });
  assert.deepEqual(place('Alice-1--8787'), { kind, name: 'alice-1', service: '8787', label: 'alice-1--8787' });
  assert.deepEqual(place('a--dask-ui'), { kind, name: 'a', service: 'dask-ui', label: 'a--dask-ui' });
  // No name can be registered under any of these.
  for (const label of ['a---8787', 'a--b--c', 'a--b---c'])
    assert.deepEqual(place(label), { kind, name: label, service: 'web', label });
  for (const label of ['--8787', 'a--', '--']) assert.deepEqual(place(label), { kind: 'foreign' });
});

test('a neighbour is another label below the same domain, on the same port', () => {
  assert.equal(neighbourOf(`a--8787.${DOMAIN}:8443`, 'a'), `a.${DOMAIN}:8443`);
  assert.equal(neighbourOf(`a.${DOMAIN}`, 'a--8787'), `a--8787.${DOMAIN}`);
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
  for (const host of [
    ...hosts,
    `.${DOMAIN}`,
    `${DOMAIN}..`,
    'ä.org',
    `a,b.${DOMAIN}`,
    `${DOMAIN}:65536`,
    `${DOMAIN}:0443`,
    '[::1]:70000',
    `${DOMAIN}:123456`,
  ])
    assert.equal(kindOf(host), 'invalid', host);
});

test('domains and origins are written as browsers write them', () => {
  assert.equal(normalDomain('Notebooks.Example.org.'), DOMAIN);
  assert.equal(originOf('Alice.Example.org:443'), 'https://alice.example.org');
  assert.equal(originOf('alice.example.org:8443'), 'https://alice.example.org:8443');
});

// Names under .localhost are loopback (RFC 6761).

import assert from 'node:assert/strict';
import type { LookupAddress } from 'node:dns';
import test from 'node:test';

import { isLoopbackName, lookup } from '../../../shared/net/resolve.ts';

function all(host: string, family: number | 'IPv4' | 'IPv6'): Promise<LookupAddress[]> {
  return new Promise((resolve, reject) =>
    lookup(host, { all: true, family }, (error, found) =>
      error === null ? resolve(found as LookupAddress[]) : reject(error),
    ),
  );
}

test('localhost and everything below it is loopback', () => {
  for (const host of ['localhost', 'demo.localhost', 'a.b.LOCALHOST', 'demo.localhost.'])
    assert.ok(isLoopbackName(host));
  for (const host of ['localhost.example.org', 'notlocalhost', '.localhost', 'example.org'])
    assert.ok(!isLoopbackName(host), host);
});

test('both families are answered, or the one asked for', async () => {
  const both = [
    { address: '127.0.0.1', family: 4 },
    { address: '::1', family: 6 },
  ];
  assert.deepEqual(await all('demo.notebooks.localhost', 0), both);
  assert.deepEqual(await all('localhost', 4), [both[0]]);
  assert.deepEqual(await all('localhost', 'IPv6'), [both[1]]);
});

test('who wants one address gets the first', async () => {
  const answer = await new Promise((resolve) =>
    lookup('demo.localhost', {}, (error, address, family) => resolve([error, address, family])),
  );
  assert.deepEqual(answer, [null, '127.0.0.1', 4]);
});

test('the answer never comes before the call returned', () => {
  let called = false;
  lookup('localhost', {}, () => (called = true));
  assert.equal(called, false);
});

// Addresses to listen on, as people write them.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { PosternError } from '../../../shared/errors.ts';
import { formatAddress, parseAddress, parseListen } from '../../../shared/net/listen.ts';

test('host and port are read, with IPv6 in brackets', () => {
  assert.deepEqual(parseAddress('0.0.0.0:443'), { host: '0.0.0.0', port: 443 });
  assert.deepEqual(parseAddress('[::1]:0'), { host: '::1', port: 0 });
  assert.deepEqual(parseAddress('localhost:8443'), { host: 'localhost', port: 8443 });
  for (const text of ['0.0.0.0:443', '[::1]:0']) assert.equal(formatAddress(parseAddress(text)), text);
});

test('anything else is refused', () => {
  for (const text of ['', '443', ':443', 'a:', 'a:65536', '::1:80', '[a]:80', 'a:b', 'a:80x', '[::1]'])
    assert.throws(
      () => parseAddress(text),
      (error) => error instanceof PosternError && error.code === 'options-invalid',
      text,
    );
});

test('a descriptor is something to listen on, too', () => {
  assert.deepEqual(parseListen('fd:3'), { fd: 3 });
  assert.deepEqual(parseListen('[::1]:0'), { host: '::1', port: 0 });
  for (const text of ['fd:', 'fd:x', 'fd:-1', 'fd'])
    assert.throws(() => parseListen(text), { code: 'options-invalid' });
});

// Wrong attempts are counted for each place, forgotten with time, and take bounded memory.

import assert from 'node:assert/strict';
import test from 'node:test';

import { Attempts, addressGroup } from '../../../bastion/auth/attempts.ts';

test('a place that used up its attempts gets one back after the refill time', () => {
  let now = 0;
  const attempts = new Attempts({ burst: 2, refillMs: 1000, remember: 10, now: () => now });
  attempts.failed('192.0.2.1');
  assert.equal(attempts.allowed('192.0.2.1'), true);
  attempts.failed('192.0.2.1');
  assert.equal(attempts.allowed('192.0.2.1'), false);
  assert.equal(attempts.allowed('192.0.2.2'), true);
  now = 1001;
  assert.equal(attempts.allowed('192.0.2.1'), true);
});

test('only so many places are remembered', () => {
  const attempts = new Attempts({ burst: 1, refillMs: 1e9, remember: 2, now: () => 0 });
  for (const last of [1, 2, 3]) attempts.failed(`192.0.2.${last}`);
  assert.deepEqual(
    [1, 2, 3].map((last) => attempts.allowed(`192.0.2.${last}`)),
    [true, false, false],
  );
});

const GROUPS: readonly [string, string][] = [
  ['192.0.2.7', '192.0.2.7'],
  ['::ffff:192.0.2.7', '192.0.2.7'],
  ['2001:db8:1:2:aaaa::1', '2001:db8:1:2::/64'],
  ['2001:0db8:0001:0002:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:db8::1', '2001:db8:0:0::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
  ['', ''],
];

for (const [address, group] of GROUPS)
  test(`${address || 'no address'} belongs to ${group || 'nowhere'}`, () => {
    assert.equal(addressGroup(address), group);
  });

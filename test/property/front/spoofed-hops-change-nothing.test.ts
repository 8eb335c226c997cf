// Which address of X-Forwarded-For and Forwarded is the visitor's: whatever a visitor writes there, it is the one our proxies saw.

import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';

import { readForwarded, readForwardedFor, visitorBehind } from '../../../bastion/front/forwarded-for.ts';
import { networks } from '../../../bastion/front/networks.ts';
import { normalAddress } from '../../../bastion/front/visitor-address.ts';
import { holds } from '../../support/property.ts';

const isProxy = networks(['10.0.0.0/8', 'fd00::/8', '192.0.2.1']);
const NEAREST = '10.0.0.1';
const proxy = fc.oneof(
  fc.tuple(fc.nat(255), fc.nat(255)).map(([a, b]) => `10.0.${a}.${b}`),
  fc.nat(65_535).map((group) => `fd00::${group.toString(16)}`),
);
const outsider = fc
  .oneof(fc.ipV4(), fc.ipV6())
  .map((text) => normalAddress(text) ?? '198.51.100.7')
  .filter((address) => !isProxy(address));
const spoofed = fc.array(fc.oneof(fc.string({ maxLength: 30 }), outsider, proxy, fc.constant('unknown')), {
  maxLength: 40,
});
const port = fc.option(fc.nat(65_535));

const withPort = (address: string, number: number | null): string => {
  if (number === null) return address;
  return address.includes(':') ? `[${address}]:${number}` : `${address}:${number}`;
};

test('X-Forwarded-For: the rightmost that is no proxy, whatever stands before it', async () => {
  await holds(
    300,
    fc.property(spoofed, outsider, fc.array(proxy, { maxLength: 5 }), port, (before, visitor, proxies, number) => {
      const value = [...before, withPort(visitor, number), ...proxies].join(', ');
      assert.equal(visitorBehind(readForwardedFor(value), NEAREST, isProxy), visitor);
    }),
  );
});

test('Forwarded: the same, where what stands before it is well formed', async () => {
  const quoted = fc.string({ maxLength: 20 }).map((text) => `"${text.replace(/[\\"]/g, (c) => `\\${c}`)}"`);
  const element = fc.oneof(
    quoted.map((text) => `for=${text}`),
    quoted.map((text) => `by=x;host=${text}`),
    fc.constantFrom('for=unknown', 'for=_hidden;proto=http', 'proto=https', 'FOR="[::1]:80"'),
  );
  const node = (address: string, number: number | null): string =>
    address.includes(':') ? `"[${address}]${number === null ? '' : `:${number}`}"` : withPort(address, null);
  await holds(
    300,
    fc.property(fc.array(element, { maxLength: 10 }), outsider, fc.array(proxy, { maxLength: 5 }), port, (...given) => {
      const [before, visitor, proxies, number] = given;
      const hops = [
        `proto=https;For=${node(visitor, number)}`,
        ...proxies.map((hop) => `for=${node(hop, null)};by=_x`),
      ];
      assert.equal(visitorBehind(readForwarded([...before, ...hops].join(', ')), NEAREST, isProxy), visitor);
    }),
  );
});

test('any text gives an address, and one that was in it, or the nearest', async () => {
  await holds(
    300,
    fc.property(
      fc.oneof(
        fc.string({ maxLength: 200 }),
        spoofed.map((all) => all.join(',')),
      ),
      (value) => {
        for (const read of [readForwardedFor, readForwarded]) {
          const visitor = visitorBehind(read(value), NEAREST, isProxy);
          assert.ok(visitor === NEAREST || normalAddress(visitor) === visitor);
        }
      },
    ),
  );
});

const CASES: readonly (readonly [string, string, string])[] = [
  ['nothing', '', NEAREST],
  ['one visitor', '203.0.113.5', '203.0.113.5'],
  ['one visitor with a port', '203.0.113.5:4711', '203.0.113.5'],
  ['IPv6 in brackets', '[2001:DB8::1]:80', '2001:db8::1'],
  ['IPv6 written in full', '2001:db8:0:0:0:0:0:1', '2001:db8::1'],
  ['IPv4 inside IPv6', '::ffff:203.0.113.5', '203.0.113.5'],
  ['a proxy of ours in between', '203.0.113.5, 10.1.2.3', '203.0.113.5'],
  ['a single proxy by its address', '203.0.113.5, 192.0.2.1', '203.0.113.5'],
  ['a stranger who claims to be somebody else', '198.51.100.9, 203.0.113.5', '203.0.113.5'],
  ['a stranger who claims to be a proxy', '198.51.100.9, 10.9.9.9, 203.0.113.5, 10.1.2.3', '203.0.113.5'],
  ['only proxies', '10.1.1.1, 10.2.2.2', '10.1.1.1'],
  ['something unreadable behind a proxy', '203.0.113.5, unknown, 10.2.2.2', '10.2.2.2'],
  ['something unreadable at our end', '203.0.113.5, evil', NEAREST],
];

for (const [what, value, expected] of CASES)
  test(`X-Forwarded-For, ${what}: ${expected}`, () => {
    assert.equal(visitorBehind(readForwardedFor(value), NEAREST, isProxy), expected);
  });

test('networks are written as addresses with a prefix, and nothing else', () => {
  for (const wrong of [
    '',
    '10.0.0.0/33',
    '::/129',
    '10.0.0',
    'example.org',
    '10.0.0.0/',
    '10.0.0.0/8/8',
    '10.0.0.0/-1',
    '::1%lo',
  ])
    assert.throws(() => networks([wrong]), { code: 'options-invalid' }, wrong);
  const everything = networks(['0.0.0.0/0', '::/0']);
  assert.ok(everything('203.0.113.5') && everything('2001:db8::1') && !everything('x'));
  assert.ok(!networks([])('127.0.0.1'));
});

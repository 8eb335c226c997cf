// The PROXY protocol's header: what a naive writer writes is read back at every split, and garbage is refused with one code.

import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';

import { readProxyHeader } from '../../../bastion/front/proxy-header.ts';
import { normalAddress } from '../../../bastion/front/visitor-address.ts';
import { PosternError } from '../../../shared/errors.ts';
import { holds } from '../../support/property.ts';

const SIGNATURE = Buffer.from('0d0a0d0a000d0a515549540a', 'hex');
const port = fc.nat(65_535);
const four = fc.tuple(fc.nat(255), fc.nat(255), fc.nat(255), fc.nat(255)).map((parts) => parts.join('.'));
const six = fc.ipV6().filter((text) => normalAddress(text) !== undefined);
const additions = fc.uint8Array({ maxLength: 100 });

interface Written {
  readonly bytes: Buffer;
  readonly source: string | undefined;
}

const line = (family: string, from: string, to: string, ports: readonly [number, number]): Buffer =>
  Buffer.from(`PROXY ${family} ${from} ${to} ${ports.join(' ')}\r\n`);

function binary(command: number, family: number, rest: Uint8Array): Buffer {
  const head = Buffer.alloc(4);
  head[0] = 0x20 | command;
  head[1] = family;
  head.writeUInt16BE(rest.length, 2);
  return Buffer.concat([SIGNATURE, head, rest]);
}

const bytesOfSix = (text: string): Buffer => {
  const [head = '', tail] = text.split('::');
  const groups = (half: string | undefined): number[] =>
    half === undefined || half === ''
      ? []
      : half.split(':').flatMap((group) => {
          if (!group.includes('.')) return [Number.parseInt(group, 16)];
          const [a = 0, b = 0, c = 0, d = 0] = group.split('.').map(Number);
          return [a * 256 + b, c * 256 + d];
        });
  const [left, right] = [groups(head), groups(tail)];
  const all = tail === undefined ? left : [...left, ...Array<number>(8 - left.length - right.length).fill(0), ...right];
  const bytes = Buffer.alloc(16);
  for (const [index, group] of all.entries()) bytes.writeUInt16BE(group, 2 * index);
  return bytes;
};

const written: fc.Arbitrary<Written> = fc.oneof(
  fc.tuple(four, four, port, port).map(([from, to, a, b]) => ({ bytes: line('TCP4', from, to, [a, b]), source: from })),
  fc
    .tuple(six, six, port, port)
    .map(([from, to, a, b]) => ({ bytes: line('TCP6', from, to, [a, b]), source: normalAddress(from) })),
  fc
    .constantFrom('', ' what ever')
    .map((more) => ({ bytes: Buffer.from(`PROXY UNKNOWN${more}\r\n`), source: undefined })),
  fc.tuple(four, additions).map(([from, more]) => ({
    bytes: binary(1, 0x11, Buffer.concat([Buffer.from(from.split('.').map(Number)), Buffer.alloc(8), more])),
    source: from,
  })),
  fc.tuple(six, additions).map(([from, more]) => ({
    bytes: binary(1, 0x21, Buffer.concat([bytesOfSix(from), Buffer.alloc(20), more])),
    source: normalAddress(from),
  })),
  fc
    .tuple(fc.constantFrom(0x00, 0x11, 0x21, 0x12, 0xff), additions)
    .map(([family, more]) => ({ bytes: binary(0, family, more), source: undefined })),
  fc
    .constantFrom(0x00, 0x31, 0x32)
    .map((family) => ({ bytes: binary(1, family, Buffer.alloc(216)), source: undefined })),
);

test('what is written is read, at every split, and what follows is left alone', async () => {
  await holds(
    300,
    fc.property(written, additions, ({ bytes, source }, following) => {
      for (let length = 1; length < bytes.length; length += 1)
        assert.equal(readProxyHeader(bytes.subarray(0, length)), 'more');
      const all = Buffer.concat([bytes, following]);
      assert.deepEqual(readProxyHeader(all), { length: bytes.length, source });
    }),
  );
});

test('anything else is refused with one code, and never waited for beyond 4 KiB', async () => {
  const begun = fc.constantFrom('', 'P', 'PROXY ', 'PROXY TCP4 ', SIGNATURE.toString('latin1'), '\r\n\r\n');
  await holds(
    300,
    fc.property(begun, fc.uint8Array({ minLength: 1, maxLength: 300 }), (start, rest) => {
      const bytes = Buffer.concat([Buffer.from(start, 'latin1'), rest]);
      try {
        const header = readProxyHeader(bytes);
        if (header !== 'more') assert.ok(header.length <= bytes.length);
      } catch (error) {
        assert.ok(error instanceof PosternError && error.code === 'proxy-header-invalid');
      }
    }),
  );
  assert.throws(() => readProxyHeader(Buffer.from(`PROXY TCP4 ${'1'.repeat(100)}`)), { code: 'proxy-header-invalid' });
});

const WRONG: readonly (readonly [string, Buffer])[] = [
  ['TLS', Buffer.from('160301', 'hex')],
  ['another word', Buffer.from('PROXX')],
  ['small letters', Buffer.from('proxy ')],
  ['a bare line feed', Buffer.from('PROXY TCP4 1.2.3.4 1.2.3.4 1 2\nx\r\n')],
  ['two spaces', Buffer.from('PROXY TCP4  1.2.3.4 1.2.3.4 1 2\r\n')],
  ['something behind the ports', Buffer.from('PROXY TCP4 1.2.3.4 1.2.3.4 1 2 3\r\n')],
  ['an address of the other family', Buffer.from('PROXY TCP4 ::1 ::1 1 2\r\n')],
  ['an address that is none', Buffer.from('PROXY TCP4 1.2.3.256 1.2.3.4 1 2\r\n')],
  ['zeros in front', Buffer.from('PROXY TCP4 1.2.3.04 1.2.3.4 1 2\r\n')],
  ['a port that cannot be', Buffer.from('PROXY TCP4 1.2.3.4 1.2.3.4 1 65536\r\n')],
  ['a zone', Buffer.from('PROXY TCP6 fe80::1%1 ::1 1 2\r\n')],
  ['UDP', Buffer.from('PROXY UDP4 1.2.3.4 1.2.3.4 1 2\r\n')],
  ['version 3', Buffer.concat([SIGNATURE, Buffer.from('31110000', 'hex')])],
  ['an unknown command', Buffer.concat([SIGNATURE, Buffer.from('22110000', 'hex')])],
  ['a datagram', binary(1, 0x12, Buffer.alloc(12))],
  ['less than its addresses', binary(1, 0x11, Buffer.alloc(11))],
  ['more than 4096 bytes', Buffer.concat([SIGNATURE, Buffer.from('21111001', 'hex')])],
];

for (const [what, bytes] of WRONG)
  test(`${what} is refused at once`, () => {
    assert.throws(() => readProxyHeader(bytes), { code: 'proxy-header-invalid' });
  });

// The server name is read from the hello that a visitor begins with, whoever made it and in however many pieces it comes.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { MAX_BEGINNING_BYTES, MAX_HELLO_BYTES, readClientHello } from '../../../bastion/front/client-hello.ts';
import { HELLOS, SAMPLE_HOST } from '../../support/hello-samples.ts';
import { hello, helloMessage, inRecords, serverNames } from '../../support/hellos.ts';

for (const [program, bytes] of HELLOS)
  test(`the hello of ${program} is read, and every beginning of it asks for more`, () => {
    const serverName = program === 'openssl-no-sni' ? undefined : SAMPLE_HOST;
    assert.deepEqual(readClientHello(bytes), { serverName });
    for (let length = 0; length < bytes.length; length++)
      assert.equal(readClientHello(bytes.subarray(0, length)), 'more', String(length));
  });

test('a hello in records of one byte each is read', () => {
  assert.deepEqual(readClientHello(inRecords(hello(SAMPLE_HOST), [1])), { serverName: SAMPLE_HOST });
  assert.deepEqual(readClientHello(inRecords(hello(SAMPLE_HOST), [3, 2, 700])), { serverName: SAMPLE_HOST });
});

test('what comes behind the hello is not looked at', () => {
  const bytes = Buffer.concat([inRecords(hello(SAMPLE_HOST)), Buffer.alloc(100_000, 0x17)]);
  assert.deepEqual(readClientHello(bytes), { serverName: SAMPLE_HOST });
});

test('the longest hello is read, and a longer one refused as soon as it says its length', () => {
  const longest = hello(SAMPLE_HOST, MAX_HELLO_BYTES - hello(SAMPLE_HOST).length);
  assert.equal(longest.length, MAX_HELLO_BYTES);
  assert.deepEqual(readClientHello(inRecords(longest)), { serverName: SAMPLE_HOST });
  assert.deepEqual(readClientHello(inRecords(longest, [1000])), { serverName: SAMPLE_HOST });
  const longer = hello(SAMPLE_HOST, MAX_HELLO_BYTES - hello(SAMPLE_HOST).length + 1);
  assert.equal(readClientHello(inRecords(longer, [4]).subarray(0, 9)), 'too-large');
});

test('a hello whose records are mostly headers is held up to a bound', () => {
  const bytes = inRecords(hello(SAMPLE_HOST, 10_000), [1]);
  assert.equal(readClientHello(bytes.subarray(0, MAX_BEGINNING_BYTES - 1)), 'more');
  assert.equal(readClientHello(bytes.subarray(0, MAX_BEGINNING_BYTES)), 'too-large');
});

test('a hello without extensions, or without a name in them, has none', () => {
  for (const parts of [{}, { extensions: [] }, { extensions: [[16, Buffer.from([0, 3, 2, 0x68, 0x32])]] as const }])
    assert.deepEqual(readClientHello(inRecords(helloMessage(parts))), { serverName: undefined });
});

test('what may be read in two ways is not read at all', () => {
  const twice = [
    [0, serverNames('a.example.org')],
    [0, serverNames('b.example.org')],
  ] as const;
  const wrong: Record<string, Buffer> = {
    'two extensions': inRecords(helloMessage({ extensions: twice })),
    'two names': inRecords(helloMessage({ extensions: [[0, serverNames('a.example.org', 'b.example.org')]] })),
    'no name': inRecords(helloMessage({ extensions: [[0, serverNames()]] })),
    'an empty name': inRecords(helloMessage({ extensions: [[0, serverNames('')]] })),
    'an empty extension': inRecords(helloMessage({ extensions: [[0, Buffer.alloc(0)]] })),
    'a name of another type': inRecords(helloMessage({ extensions: [[0, Buffer.from([0, 4, 1, 0, 1, 65])]] })),
    'something behind the names': inRecords(
      helloMessage({ extensions: [[0, Buffer.concat([serverNames('a.example.org'), Buffer.from([0])])]] }),
    ),
    'something behind the extensions': trailing(),
    'HTTP in plain text': Buffer.from('GET / HTTP/1.1\r\n'),
    'another record': Buffer.from([23, 3, 3, 0, 1, 0]),
    'another version': Buffer.from([22, 2, 0, 0, 1, 1]),
    'an empty record': Buffer.from([22, 3, 1, 0, 0]),
    'a record that is too long': Buffer.from([22, 3, 1, 0x40, 1]),
    'another handshake message': inRecords(Buffer.from([2, 0, 0, 0])),
    'an empty hello': inRecords(Buffer.from([1, 0, 0, 0])),
    'a record of another kind in between': Buffer.concat([
      inRecords(hello(SAMPLE_HOST)).subarray(0, 0),
      inRecords(hello(SAMPLE_HOST).subarray(0, 60)),
      Buffer.from([21, 3, 3, 0, 2, 1, 0]),
    ]),
  };
  for (const [what, bytes] of Object.entries(wrong)) assert.equal(readClientHello(bytes), 'unreadable', what);
});

/** A hello that holds one byte more than its parts. */
function trailing(): Buffer {
  const message = helloMessage({ extensions: [] });
  const longer = Buffer.concat([message, Buffer.from([0])]);
  longer.writeUIntBE(message.length - 4 + 1, 1, 3);
  return inRecords(longer);
}

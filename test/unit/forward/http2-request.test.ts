// What an HTTP/2 request says in terms of HTTP/1.1, and that nothing passes which would be more than one field or one line there.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { PosternError } from '../../../shared/errors.ts';
import { readHttp2Request } from '../../../bastion/forward/http2-request.ts';

const LIMITS = { maxHeaderBytes: 1000, maxHeaders: 20 };
const GET = [':method', 'GET', ':scheme', 'https', ':authority', 'alice.example.org', ':path', '/a?b'];
const CONNECT = [':method', 'CONNECT', ':protocol', 'websocket', ...GET.slice(2)];

function refused(raw: readonly string[], code = 'request-ambiguous', ended = true): void {
  assert.throws(
    () => readHttp2Request(raw, ended, LIMITS),
    (error) => error instanceof PosternError && error.code === code,
    JSON.stringify(raw),
  );
}

const replaced = (name: string, value: string): string[] => {
  const raw = [...GET];
  raw[GET.indexOf(name) + 1] = value;
  return raw;
};

test('a request is taken apart, crumbs of cookies are one field, and Host is no field of its own', () => {
  const raw = [...GET, 'cookie', 'a=1', 'x-many', '1', 'cookie', 'b=2', 'x-many', '2', 'host', 'ALICE.example.org'];
  assert.deepEqual(readHttp2Request(raw, true, LIMITS), {
    method: 'GET',
    target: '/a?b',
    authority: 'alice.example.org',
    protocol: undefined,
    rawHeaders: ['x-many', '1', 'x-many', '2', 'cookie', 'a=1; b=2'],
    upload: 'none',
  });
});

test('the body is what length and end say together', () => {
  const upload = (ended: boolean, ...more: string[]) => readHttp2Request([...GET, ...more], ended, LIMITS).upload;
  assert.deepEqual([upload(true), upload(false)], ['none', 'chunked']);
  assert.deepEqual([upload(false, 'content-length', '7'), upload(true, 'content-length', '0')], [7, 0]);
  refused([...GET, 'content-length', '7']);
  for (const length of ['', '-1', '+1', '1.0', '1e3', '0x1', '1, 1', '1 1', '9999999999999999'])
    refused([...GET, 'content-length', length], 'request-ambiguous', false);
  refused([...GET, 'content-length', '1', 'content-length', '1'], 'request-ambiguous', false);
});

test('an extended CONNECT has a protocol and no body; a plain one is not served', () => {
  const { method, protocol, upload } = readHttp2Request(CONNECT, false, LIMITS);
  assert.deepEqual([method, protocol, upload], ['CONNECT', 'websocket', 'none']);
  refused(CONNECT);
  refused([...CONNECT, 'content-length', '1'], 'request-ambiguous', false);
  refused([...GET, ':protocol', 'websocket'], 'request-ambiguous', false);
  refused([':method', 'CONNECT', ':authority', 'alice.example.org:443'], 'method-refused', false);
});

test('what is missing, twice, out of order or unknown among the pseudo-header fields is refused', () => {
  for (const name of [':method', ':scheme', ':path']) {
    const at = GET.indexOf(name);
    refused(GET.toSpliced(at, 2));
    refused([...GET, name, GET[at + 1] as string]);
  }
  refused(GET.toSpliced(GET.indexOf(':authority'), 2));
  refused([...GET, ':authority', 'alice.example.org']);
  refused(['x', 'y', ...GET]);
  refused(['cookie', 'y', ...GET]);
  refused(['host', 'alice.example.org', ...GET]);
  for (const name of [':status', ':', ':Path', ':path ']) refused([...GET, name, '/']);
});

test('methods, schemes, paths and authorities that HTTP/1.1 would read otherwise are refused', () => {
  for (const method of ['', 'GET ', 'G T', 'GET\r\n', 'G\0']) refused(replaced(':method', method));
  for (const scheme of ['http', 'wss', 'https ', '']) refused(replaced(':scheme', scheme));
  for (const path of ['', 'x', '*', '/ x', '/\r\n', '/\0', '/\x7f', '/#', 'https://evil/', '//\n', '/\t'])
    refused(replaced(':path', path));
  for (const host of ['bob.example.org', 'alice.example.org:1', '']) refused([...GET, 'host', host]);
  refused([...GET, 'host', 'alice.example.org', 'host', 'alice.example.org']);
  assert.equal(
    readHttp2Request([...GET.slice(0, 4), ':path', '/\u00e9//..', 'host', 'h'], true, LIMITS).target,
    '/\u00e9//..',
  );
  assert.equal(readHttp2Request([':method', 'OPTIONS', ...GET.slice(2, 6), ':path', '*'], true, LIMITS).target, '*');
});

test('fields of a connection, and names and values that could end a line, are refused', () => {
  for (const name of [
    'connection',
    'keep-alive',
    'proxy-connection',
    'transfer-encoding',
    'upgrade',
    'Upper',
    '',
    'a b',
    'a:',
    'a\n',
    '\u00e9',
  ])
    refused([...GET, name, 'x']);
  for (const value of ['a\r\nb', 'a\nb', 'a\rb', '\0', '\x01', '\x7f', ' a', 'a ', '\ta', 'a\t', '\u0100']) {
    refused([...GET, 'x', value]);
    refused([...GET, 'cookie', value]);
  }
  refused([...GET, 'te', 'gzip']);
  refused([...GET, 'te', 'trailers, gzip']);
  const kept = [...GET, 'te', 'trailers', 'x', 'caf\u00e9 a\tb', 'empty', ''];
  assert.deepEqual(readHttp2Request(kept, true, LIMITS).rawHeaders, kept.slice(GET.length));
});

test('heads have as many bytes and fields as allowed', () => {
  refused([...GET, 'x', 'y'.repeat(950)], 'header-too-large');
  refused([...GET, ...Array.from({ length: 34 }, () => 'x')], 'header-too-large');
  assert.equal(readHttp2Request([...GET, ...Array.from({ length: 32 }, () => 'x')], true, LIMITS).method, 'GET');
});

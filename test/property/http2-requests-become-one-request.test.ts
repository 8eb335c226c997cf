// Whatever fields an HTTP/2 request has: it is refused with a known code, or becomes exactly one head of HTTP/1.1 with the same fields.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';

import { requestHead } from '../../bastion/forward/headers.ts';
import { readHttp2Request, type Http2Request } from '../../bastion/forward/http2-request.ts';
import { PosternError } from '../../shared/errors.ts';
import { holds } from '../support/property.ts';

const CODES = ['request-ambiguous', 'header-too-large', 'method-refused'];
const LIMITS = { maxHeaderBytes: 4000, maxHeaders: 40 };
const NAMES = [
  ':method',
  ':path',
  ':scheme',
  ':authority',
  ':protocol',
  ':x',
  'host',
  'cookie',
  'content-length',
  'te',
  'connection',
  'transfer-encoding',
  'x',
  'X',
  '',
];
const VALUES = [
  'GET',
  'POST',
  'CONNECT',
  '/',
  '/a b',
  '*',
  'https',
  'http',
  'alice',
  'bob',
  'websocket',
  '0',
  '7',
  '-1',
  'trailers',
  'chunked',
  'a=b',
  '',
];
const HOSTILE = ['\r', '\n', '\0', '\t', ' ', ':', '#', ';', ',', '\x7f', '\xff', 'a', '/', 'HTTP/1.1'];

const hostile = fc.array(fc.constantFrom(...HOSTILE), { maxLength: 6 }).map((parts) => parts.join(''));
const name = fc.oneof({ weight: 6, arbitrary: fc.constantFrom(...NAMES) }, hostile);
const value = fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...VALUES) }, hostile);
const usual = [':method', 'POST', ':scheme', 'https', ':authority', 'alice', ':path', '/'];

function read(raw: readonly string[], ended: boolean): Http2Request | undefined {
  try {
    return readHttp2Request(raw, ended, LIMITS);
  } catch (error) {
    assert.ok(error instanceof PosternError && CODES.includes(error.code), String(error));
    return undefined;
  }
}

test('no field, path or method of it is more than it was, or is anything else, in a head of HTTP/1.1', async () => {
  let passed = 0;
  await holds(
    5000,
    fc.property(
      fc.boolean(),
      fc.array(fc.tuple(name, value), { maxLength: 5 }),
      fc.boolean(),
      (proper, pairs, ended) => {
        const raw = [...(proper ? usual : []), ...pairs.flat()];
        const request = read(raw, ended);
        if (request === undefined) return;
        passed += 1;
        const { method, target, rawHeaders, upload } = request;
        const plan = { method, target, rawHeaders, upload, upgrade: undefined, origin: 'Host: alice\r\n' };
        const head = requestHead({ ...plan, dropAuthorization: false, authorization: undefined });
        const lines = head.split('\r\n');
        assert.deepEqual(lines.slice(-2), ['', '']);
        assert.equal(lines[0], `${method} ${target} HTTP/1.1`);
        assert.equal(lines[0].split(' ').length, 3);
        for (const line of lines.slice(1, -2))
          assert.match(line, /^[!#$%&'*+.^_`|~0-9A-Za-z-]+: [\t\x20-\x7e\x80-\xff]*$/);
        const framing = lines.filter((line) => /^(?:content-length|transfer-encoding):/i.test(line));
        assert.ok(framing.length <= 1);
        assert.equal(lines.filter((line) => /^host:/i.test(line)).length, 1);
        assert.ok(lines.filter((line) => /^cookie:/i.test(line)).length <= 1);
      },
    ),
  );
  assert.ok(passed > 500, `${passed} were no nonsense`);
});

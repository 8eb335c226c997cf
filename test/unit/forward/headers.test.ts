// What passes the bastion in heads, in both directions.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import {
  forwardedLines,
  passingTrailers,
  requestHead,
  responseHeaders,
  type RequestHead,
} from '../../../bastion/forward/headers.ts';
import { readHost, readTarget, readUpload } from '../../../bastion/forward/request-check.ts';
import type { ResponseHead } from '../../../bastion/forward/response-head.ts';
import { PosternError } from '../../../shared/errors.ts';

const HOST = 'alice.notebooks.example.org';
const ORIGIN = forwardedLines(HOST, '192.0.2.7');

function lines(rawHeaders: string[], more: Partial<RequestHead> = {}): string[] {
  const head = { method: 'GET', target: '/', rawHeaders, upload: 'none', upgrade: undefined, origin: ORIGIN } as const;
  const text = requestHead({ ...head, dropAuthorization: false, authorization: undefined, ...more });
  assert.ok(text.endsWith('\r\n\r\n'));
  return text.slice(0, -4).split('\r\n');
}

/** The lines beyond the request line and those that are always ours. */
const passed = (rawHeaders: string[], more?: Partial<RequestHead>): string[] => lines(rawHeaders, more).slice(6);

const ambiguous = (error: unknown): boolean => error instanceof PosternError && error.code === 'request-ambiguous';

test('the request line keeps the target byte for byte', () => {
  assert.equal(lines([], { target: '/a//../%2e%2F?x=%00&\xe4' })[0], 'GET /a//../%2e%2F?x=%00&\xe4 HTTP/1.1');
});

test('who asked for what is told afresh, and nobody can say it for us', () => {
  const forged = ['Host', 'x', 'Forwarded', 'for=1.1.1.1', 'X-Forwarded-For', '1.1.1.1', 'x-forwarded-host', 'evil'];
  const result = lines([
    ...forged,
    'X-Forwarded-Proto',
    'http',
    'X-Forwarded-Port',
    '1',
    'X-Real-IP',
    '1',
    'X-Scheme',
    'http',
  ]);
  assert.deepEqual(result.slice(1), [
    `Host: ${HOST}`,
    `Forwarded: for=192.0.2.7;host="${HOST}";proto=https`,
    'X-Forwarded-For: 192.0.2.7',
    `X-Forwarded-Host: ${HOST}`,
    'X-Forwarded-Proto: https',
  ]);
  assert.match(forwardedLines('a:8443', '2001:db8::1'), /for="\[2001:db8::1\]";host="a:8443"/);
});

test('hop-by-hop fields end here, also those that Connection names, and ours never begin outside', () => {
  const hop = ['Connection', 'keep-alive, X-Hop', 'X-Hop', '1', 'Keep-Alive', 'timeout=5', 'Proxy-Connection', 'a'];
  const more = [
    'Proxy-Authorization',
    'b',
    'Upgrade',
    'h2c',
    'HTTP2-Settings',
    'c',
    'Proxy',
    'd',
    'Postern-Visitor',
    'root',
  ];
  assert.deepEqual(passed([...hop, ...more, 'X-Kept', '1', 'x-kept', '2']), ['X-Kept: 1', 'x-kept: 2']);
});

test('framing is ours: a length, chunks, or nothing', () => {
  const claims = ['Content-Length', '007', 'Transfer-Encoding', 'chunked'];
  assert.deepEqual(passed(claims, { upload: 7 }), ['Content-Length: 7']);
  assert.deepEqual(passed(claims, { upload: 'chunked' }), ['Transfer-Encoding: chunked']);
  assert.deepEqual(passed(claims), []);
  assert.deepEqual(passed([], { method: 'POST' }), ['Content-Length: 0']);
  assert.deepEqual(passed([], { method: 'DELETE' }), []);
});

test('our cookie stays with us, all others go on', () => {
  assert.deepEqual(passed(['Cookie', 'a=1; __Host-postern=secret; b=2']), ['Cookie: a=1; b=2']);
  assert.deepEqual(passed(['Cookie', '__Host-postern=secret']), []);
  assert.deepEqual(passed(['Cookie', 'a=1', 'Cookie', 'b=2']), ['Cookie: a=1', 'Cookie: b=2']);
});

test('Authorization is passed on, dropped, or replaced by the notebook own', () => {
  const own = ['Authorization', 'Bearer of-the-visitor'];
  assert.deepEqual(passed(own), ['Authorization: Bearer of-the-visitor']);
  assert.deepEqual(passed(own, { dropAuthorization: true }), []);
  assert.deepEqual(passed(own, { authorization: 'token t' }), ['Authorization: token t']);
  assert.deepEqual(passed([...own, 'authorization', 'x'], { authorization: 'token t' }), ['Authorization: token t']);
});

test('Expect passes, of TE only trailers, and an upgrade keeps its protocol', () => {
  assert.deepEqual(passed(['Expect', '100-continue']), ['Expect: 100-continue']);
  assert.deepEqual(passed(['TE', 'gzip, trailers']), ['TE: trailers', 'Connection: TE']);
  assert.deepEqual(passed(['TE', 'gzip']), []);
  const upgrade = ['Connection', 'keep-alive, Upgrade', 'Upgrade', 'websocket', 'Sec-WebSocket-Key', 'k'];
  assert.deepEqual(passed(upgrade, { upgrade: 'websocket' }), [
    'Sec-WebSocket-Key: k',
    'Connection: Upgrade',
    'Upgrade: websocket',
  ]);
});

test('framing of a request that can be read in two ways is refused', () => {
  assert.equal(readUpload(['Content-Length', '5'], true), 5);
  assert.equal(readUpload(['transfer-encoding', 'Chunked'], true), 'chunked');
  assert.equal(readUpload([], true), 'none');
  const bad: string[][] = [
    ['Content-Length', '5', 'Transfer-Encoding', 'chunked'],
    ['Content-Length', '5', 'Content-Length', '5'],
    ['Content-Length', '5,5'],
    ['Content-Length', '+5'],
    ['Transfer-Encoding', 'gzip, chunked'],
    ['Transfer-Encoding', 'chunked', 'Transfer-Encoding', 'chunked'],
    ['Transfer-Encoding', 'identity'],
  ];
  for (const raw of bad) assert.throws(() => readUpload(raw, true), ambiguous, raw.join());
  assert.throws(() => readUpload(['Transfer-Encoding', 'chunked'], false), ambiguous);
});

test('there is exactly one Host, and an absolute target is of that host', () => {
  assert.equal(readHost(['host', 'a']), 'a');
  assert.throws(() => readHost([]), ambiguous);
  assert.throws(() => readHost(['Host', 'a', 'host', 'a']), ambiguous);
  assert.equal(readTarget('/x?y', 'GET', HOST), '/x?y');
  assert.equal(readTarget('*', 'OPTIONS', HOST), '*');
  assert.equal(readTarget(`HTTPS://${HOST.toUpperCase()}?y`, 'GET', HOST), '/?y');
  assert.equal(readTarget(`https://${HOST}/a//b`, 'GET', HOST), '/a//b');
  for (const url of ['*', 'x', '', `http://${HOST}/`, 'https://evil.org/', `https://u@${HOST}/`, `https://${HOST}:1/`])
    assert.throws(() => readTarget(url, 'GET', HOST), ambiguous, url);
});

function response(rawHeaders: string[], status = 200): string[] {
  const head: ResponseHead = {
    status,
    message: 'OK',
    rawHeaders,
    framing: 'length',
    length: 0,
    keepAlive: true,
    keepAliveMs: undefined,
  };
  return responseHeaders(head, HOST, false);
}

test('a response keeps its fields, order and duplicates, without those of the hop', () => {
  const kept = ['Set-Cookie', 'a=1', 'X', '1', 'set-cookie', 'b=2; Path=/', 'x', '2', 'Content-Length', '3'];
  const hop = ['Connection', 'close, X-Hop', 'X-Hop', '1', 'Keep-Alive', 'timeout=1', 'Transfer-Encoding', 'chunked'];
  assert.deepEqual(response([...hop, ...kept, 'Postern-Code', 'x', 'Trailer', 'T', 'Upgrade', 'h2']), kept);
  assert.deepEqual(response(['Content-Length', '3', 'Content-Length', '3']), ['Content-Length', '3']);
  assert.deepEqual(response(['Content-Length', '3'], 204), []);
});

test('a notebook sets cookies for its own host only, and never ours', () => {
  const cookie = (value: string): string | undefined => response(['Set-Cookie', value])[1];
  assert.equal(cookie('a=1; Domain=notebooks.example.org; Path=/'), 'a=1; Path=/');
  assert.equal(cookie('a=1; Path=/;domain = .Example.org'), 'a=1; Path=/');
  assert.equal(cookie('a=1; domain=org; DOMAIN=.notebooks.example.org'), 'a=1');
  assert.equal(cookie(`a=1; Domain=${HOST}`), `a=1; Domain=${HOST}`);
  assert.equal(cookie('a=domain=org'), 'a=domain=org');
  for (const ours of [
    '__Host-postern=x',
    ' __host-POSTERN = x; Path=/',
    '=__Host-postern=x',
    '__Host-postern',
    '__Host-postern-pass=x',
  ])
    assert.equal(cookie(ours), undefined, ours);
  assert.equal(cookie('__Host-posternlike=x'), '__Host-posternlike=x');
});

test('trailers carry nothing that decides about a message', () => {
  const bad = [
    'Content-Length',
    '1',
    'Host',
    'x',
    'Authorization',
    'x',
    'Set-Cookie',
    'x',
    'Trailer',
    'x',
    'Postern-X',
    'x',
  ];
  assert.deepEqual(passingTrailers([...bad, 'Digest', 'abc']), ['Digest', 'abc']);
});

// The response reader, one rule at a time.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { MAX_SECTION } from '../../../bastion/forward/section.ts';
import { PosternError } from '../../../shared/errors.ts';
import { readWhole, type ReadOptions } from '../../support/read-response.ts';

const OK = 'HTTP/1.1 200 OK\r\n';
const read = (text: string, options?: ReadOptions) => readWhole([Buffer.from(text, 'latin1')], options);

function refused(text: string, pattern: RegExp, options?: ReadOptions): void {
  const { error } = read(text, options);
  assert.equal(error?.code, 'upstream-response-invalid', JSON.stringify(text.slice(0, 80)));
  assert.match(error.message, pattern);
  // One byte at a time, too: what is wrong must not depend on how it was cut.
  const bytes = [...Buffer.from(text, 'latin1')].map((byte) => Buffer.from([byte]));
  assert.equal(readWhole(bytes.slice(0, 70_000), options).error?.code, 'upstream-response-invalid');
}

test('a body of stated length ends there, and what follows is handed over as the rest', () => {
  const result = read(`${OK}Content-Length: 5\r\n\r\nhelloREST`);
  assert.deepEqual([result.status, result.body, result.complete, result.rest], [200, 'hello', true, 'REST']);
});

test('names, values, order and duplicates are kept byte for byte', () => {
  const result = read(`${OK}B: 1\r\na:\t two  words \t\r\nB:\xe4\r\nempty:\r\nContent-Length: 0\r\n\r\n`);
  assert.deepEqual(result.rawHeaders, ['B', '1', 'a', 'two  words', 'B', '\xe4', 'empty', '', 'Content-Length', '0']);
});

test('the status line may come without a reason, and the reason may hold anything printable', () => {
  assert.equal(read('HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n').message, '');
  assert.equal(
    read('HTTP/1.1 404 Ganz und gar nicht: \xfc\r\nContent-Length: 0\r\n\r\n').message,
    'Ganz und gar nicht: \xfc',
  );
});

test('chunks, extensions and trailers are read', () => {
  const result = read(
    `${OK}transfer-encoding: Chunked\r\n\r\n3;a="b"\r\nabc\r\n00A\r\n0123456789\r\n0\r\nX: y\r\n\r\n`,
  );
  assert.deepEqual([result.body, result.trailers, result.complete], ['abc0123456789', ['X', 'y'], true]);
});

test('answers to HEAD, 204 and 304 have no body, whatever their fields say', () => {
  assert.ok(read(`${OK}Content-Length: 5\r\n\r\n`, { method: 'HEAD' }).complete);
  assert.ok(read(`${OK}Transfer-Encoding: chunked\r\n\r\n`, { method: 'HEAD' }).complete);
  assert.ok(read('HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n').complete);
  assert.ok(read('HTTP/1.1 204 No Content\r\n\r\n').complete);
});

test('without length and chunks the body ends with the connection, and the connection is not kept', () => {
  const result = read(`${OK}\r\nall of it`, { end: true });
  assert.deepEqual([result.body, result.complete, result.keepAlive], ['all of it', true, false]);
  assert.equal(read(`${OK}\r\nall of it`).complete, false);
});

test('the end in the middle of a head, a length or a chunk is a cut', () => {
  for (const text of [
    OK,
    `${OK}Content-Length: 5\r\n\r\nhell`,
    `${OK}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n`,
    '',
  ])
    assert.equal(read(text, { end: true }).error?.code, 'upstream-closed');
});

test('interim responses come first, up to sixteen', () => {
  const interim = 'HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n';
  const result = read(`HTTP/1.1 100 Continue\r\n\r\n${interim}${OK}Content-Length: 2\r\n\r\nhi`);
  assert.deepEqual([result.interim, result.status, result.body], [[100, 103], 200, 'hi']);
  assert.ok(read(`${interim.repeat(16)}${OK}Content-Length: 0\r\n\r\n`).complete);
  refused(interim.repeat(17), /interim/);
});

test('101 is for who asked, and all behind it belongs to the new protocol', () => {
  const text = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nContent-Length: 5\r\n\r\nbytes';
  assert.deepEqual([read(text, { upgrade: true }).rest, read(text, { upgrade: true }).status], ['bytes', 101]);
  refused(text, /101/);
});

test('whether and how long the connection is kept is known', () => {
  const kept = (fields: string, version = '1') =>
    read(`HTTP/1.${version} 200 OK\r\n${fields}Content-Length: 0\r\n\r\n`);
  assert.equal(kept('').keepAlive, true);
  assert.equal(kept('Connection: foo, Close\r\n').keepAlive, false);
  assert.equal(kept('', '0').keepAlive, false);
  assert.equal(kept('Connection: keep-alive\r\n', '0').keepAlive, true);
  assert.equal(kept('Keep-Alive: max=9, timeout=5\r\n').keepAliveMs, 5000);
  assert.equal(kept('').keepAliveMs, undefined);
});

test('line ends and names that two parsers could read differently are refused', () => {
  refused('HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n', /status line|bare/);
  refused(`${OK}A: b\nContent-Length: 0\r\n\r\n`, /bare/);
  refused(`${OK}A: b\rc\r\n\r\n`, /bare|control/);
  refused(`${OK}A: b\0c\r\n\r\n`, /control/);
  refused(`${OK}A: b\r\n folded\r\n\r\n`, /folded/);
  refused(`${OK} A: b\r\n\r\n`, /folded/);
  refused(`${OK}Content-Length : 5\r\n\r\nhello`, /name/);
  refused(`${OK}: value\r\n\r\n`, /name/);
  refused(`${OK}no colon\r\n\r\n`, /name/);
  refused(`${OK}Na\xefve: 1\r\n\r\n`, /name/);
});

test('framing that two parsers could read differently is refused', () => {
  refused(`${OK}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n`, /beside/);
  refused(`${OK}Content-Length: 5\r\nContent-Length: 6\r\n\r\n`, /unequal/);
  for (const value of ['+5', '-1', '5, 5', '0x5', '', '5 5', '1e3', '99999999999999999999'])
    refused(`${OK}Content-Length: ${value}\r\n\r\n`, /Content-Length/);
  for (const value of [
    'gzip',
    'gzip, chunked',
    'chunked, chunked',
    'identity',
    '',
    'chunked;q=1',
    'xchunked',
    '"chunked"',
  ])
    refused(`${OK}Transfer-Encoding: ${value}\r\n\r\n`, /Transfer-Encoding/);
  refused(`${OK}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n`, /Transfer-Encoding/);
  refused('HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n', /1\.0/);
  assert.ok(read(`${OK}Content-Length: 0\r\nContent-Length: 0\r\n\r\n`).complete);
});

test('chunks with anything but a plain size are refused', () => {
  const chunked = `${OK}Transfer-Encoding: chunked\r\n\r\n`;
  for (const body of [
    ';\r\n',
    'g\r\n',
    '0x5\r\nhello',
    '-5\r\n',
    ' 5\r\nhello',
    '5 \r\nhello',
    '5\nhello',
    '5\r\nhello!!',
    '\r\n',
  ])
    refused(chunked + body, /chunk/);
  refused(`${chunked}${'0'.repeat(14)}\r\n`, /size/);
  refused(`${chunked}5;${'x'.repeat(5000)}`, /extension/);
  refused(`${chunked}5;a\nb\r\n`, /extension/);
  refused(`${chunked}0\r\nX : y\r\n\r\n`, /name/);
  refused(`${chunked}0\r\nX: y\n\r\n\r\n`, /bare/);
});

test('what is not HTTP is said at once, without waiting for the end of a head', () => {
  for (const text of [
    'SSH-2.0-OpenSSH_9.6\r\n',
    'HTTP/2 200\r\n\r\n',
    '\x16\x03\x01',
    '\r\nHTTP/1.1 200 OK\r\n\r\n',
    'hTTP/1.1',
  ])
    assert.equal(read(text).error?.code, 'upstream-response-invalid', text);
  for (const line of [
    'HTTP/1.1  200 OK',
    'HTTP/1.1 20 OK',
    'HTTP/1.1 2000 OK',
    'HTTP/1.2 200 OK',
    'HTTP/1.1 200OK',
    'HTTP/1.1 099 X',
  ])
    refused(`${line}\r\n\r\n`, /status line|begin/);
});

test('a head ends within 64 KiB', () => {
  const padded = (bytes: number) => `${OK}Content-Length: 0\r\nX: ${'x'.repeat(bytes)}\r\n\r\n`;
  const room = MAX_SECTION - padded(0).length;
  assert.ok(read(padded(room)).complete);
  refused(padded(room + 1), /65536/);
  refused(`${OK}X: ${'x'.repeat(70_000)}`, /65536/);
});

test('bytes that nobody asked for are refused', () => {
  const { error } = readWhole([Buffer.from(`${OK}Content-Length: 0\r\n\r\n`), Buffer.from('HTTP/1.1 200 OK\r\n\r\n')]);
  assert.ok(error instanceof PosternError);
});

// What a proxy answers to CONNECT: complete or not, accepted or not, or no HTTP at all.

import assert from 'node:assert/strict';
import test from 'node:test';

import { readConnectAnswer } from '../../../shared/net/http-connect.ts';

const read = (text: string) => readConnectAnswer(Buffer.from(text, 'latin1'));

test('an answer is complete with its head, and what follows is left', () => {
  const text = 'HTTP/1.1 200 Connection established\r\nVia: 1.1 squid\r\n\r\nrest';
  for (let length = 0; length < text.length - 4; length++) assert.equal(read(text.slice(0, length)), undefined);
  const answer = read(text);
  assert.equal(answer?.status, 200);
  assert.equal(answer?.reason, 'Connection established');
  assert.equal(answer?.rest.toString(), 'rest');
});

test('odd but allowed forms are understood', () => {
  assert.equal(read('HTTP/1.0 200\r\n\r\n')?.status, 200);
  assert.equal(read('HTTP/1.1 204 \r\n\r\n')?.status, 204);
  assert.equal(read('HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 \r\n\r\nHTTP/1.1 200 OK\r\n\r\n')?.status, 200);
  assert.equal(read('HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 2'), undefined);
});

test('the schemes that are offered are read', () => {
  const head =
    'HTTP/1.1 407 No\r\nProxy-Authenticate: Negotiate\r\nproxy-authenticate:NTLM\r\nProxy-Authenticate: Basic realm="x"\r\n\r\n';
  assert.deepEqual(read(head)?.schemes, ['Negotiate', 'NTLM', 'Basic']);
});

test('what is no HTTP is told by its first bytes', () => {
  for (const text of [
    'SSH-2.0-OpenSSH_9.6\r\n',
    '\0\0\0\x12',
    'HTTP/2 200\r\n\r\n',
    'HTTP/1.1 abc\r\n\r\n',
    '\r\n\r\n',
    'HTTP/1.1 999 x\r\n\r\n',
  ])
    assert.throws(() => read(text), { code: 'proxy-refused' }, JSON.stringify(text));
});

test('a head without end is not read for ever', () => {
  const endless = (length: number): string => `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(length)}`;
  assert.equal(read(endless(10_000)), undefined);
  assert.throws(() => read(endless(20_000)), { code: 'proxy-refused' });
  assert.throws(() => read('HTTP/1.1 100 Continue\r\n\r\n'.repeat(1000)), { code: 'proxy-refused' });
});

test('nothing of it can hurt a terminal', () => {
  assert.equal(read('HTTP/1.1 403 \x1b[31mno\r\n\r\n')?.reason, '?[31mno');
  assert.equal(read(`HTTP/1.1 403 ${'n'.repeat(5000)}\r\n\r\n`)?.reason.length, 100);
});

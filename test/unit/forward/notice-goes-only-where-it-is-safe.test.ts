// The notice behind a page: only pages that a browser shows as a whole, that nobody has sealed, and whose policy lets it run.

import assert from 'node:assert/strict';
import test from 'node:test';

import { NOTICE, showsPage, withNotice } from '../../../bastion/forward/notice.ts';
import { readHead, type ResponseHead } from '../../../bastion/forward/response-head.ts';

function head(...lines: string[]): ResponseHead {
  return readHead(['HTTP/1.1 200 OK', ...lines, ''].join('\r\n'));
}
const HTML = 'Content-Type: text/html; charset=UTF-8';
const noticed = (...lines: string[]): ResponseHead | undefined =>
  withNotice(head(HTML, 'Content-Length: 10', ...lines));

test('a page grows by the notice, and its length says so', () => {
  const grown = noticed('ETag: "x"', 'Accept-Ranges: bytes', 'X-Other: 1');
  assert.equal(grown?.length, 10 + NOTICE.length);
  assert.deepEqual(grown?.rawHeaders, [
    ...['Content-Type', 'text/html; charset=UTF-8'],
    ...['Content-Length', String(10 + NOTICE.length)],
    ...['ETag', 'W/"x"'],
    ...['X-Other', '1'],
  ]);
  assert.equal(withNotice(head(HTML, 'Transfer-Encoding: chunked'))?.framing, 'chunked');
  assert.equal(withNotice(head(HTML))?.framing, 'close');
});

test('what is no plain page stays as it is', () => {
  const others = [
    head('Content-Type: application/json', 'Content-Length: 10'),
    head('Content-Type: application/xhtml+xml', 'Content-Length: 10'),
    head('Content-Type: text/html; charset=utf-16le', 'Content-Length: 10'),
    head('Content-Length: 10'),
    head(HTML, 'Content-Length: 0'),
    readHead(`HTTP/1.1 404 Not Found\r\n${HTML}\r\nContent-Length: 10\r\n`),
    readHead(`HTTP/1.1 304 Not Modified\r\n${HTML}\r\n`),
  ];
  for (const other of others) assert.equal(withNotice(other), undefined, other.rawHeaders.join(' '));
});

test('what is compressed, sealed, part of a whole, or for a file stays as it is', () => {
  for (const line of [
    'Content-Encoding: gzip',
    'Content-Encoding: br',
    'Cache-Control: public, no-transform',
    'Content-Digest: sha-256=:x:',
    'Repr-Digest: sha-256=:x:',
    'Content-MD5: x',
    'Content-Disposition: attachment; filename="x.html"',
    'Content-Range: bytes 0-9/10',
  ])
    assert.equal(noticed(line), undefined, line);
  assert.ok(noticed('Content-Encoding: identity'));
  assert.ok(noticed('Content-Disposition: inline'));
});

test("a page whose policy would refuse the script, or the script's questions, stays as it is", () => {
  const refuse = [
    "default-src 'none'",
    "script-src 'nonce-abc'",
    "script-src 'self' 'strict-dynamic'",
    "default-src 'self'; script-src https://cdn.example.org",
    "script-src 'self'; script-src-elem 'none'",
    "script-src 'self'; connect-src 'none'",
    "connect-src wss://x.example.org; script-src 'self'",
    'sandbox allow-scripts',
    "script-src 'self', default-src 'none'",
  ];
  for (const policy of refuse) assert.equal(noticed(`Content-Security-Policy: ${policy}`), undefined, policy);
  const accept = [
    "frame-ancestors 'self'; report-uri /api/security/csp-report",
    "default-src 'self'",
    "DEFAULT-SRC 'none'; SCRIPT-SRC 'Self' 'unsafe-eval'; Connect-Src *",
    "script-src https:; connect-src 'self' ws:",
  ];
  for (const policy of accept) assert.ok(noticed(`Content-Security-Policy: ${policy}`), policy);
  assert.equal(
    withNotice(head(HTML, "Content-Security-Policy: default-src 'self'", "content-security-policy: script-src 'none'")),
    undefined,
    'every policy counts',
  );
});

test('only what a browser shows as a page of its own gets it', () => {
  const page = { 'sec-fetch-dest': 'document', 'sec-fetch-mode': 'navigate' };
  assert.ok(showsPage('GET', page));
  assert.ok(!showsPage('POST', page));
  assert.ok(!showsPage('HEAD', page));
  assert.ok(!showsPage('GET', {}));
  assert.ok(!showsPage('GET', { ...page, 'sec-fetch-dest': 'iframe' }));
  assert.ok(!showsPage('GET', { ...page, 'sec-fetch-dest': 'empty', 'sec-fetch-mode': 'cors' }));
  assert.ok(!showsPage('GET', { ...page, range: 'bytes=0-9' }));
});

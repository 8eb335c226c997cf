// What a refused visitor gets: page or problem document, by Accept, with code and request id.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';

import { ownPage, rawAnswer, refusal, type Answer } from '../../../bastion/front/refusal.ts';
import { ERRORS, PosternError } from '../../../shared/errors.ts';

const HTML = 'text/html,application/xhtml+xml,*/*;q=0.8';

function answerTo(code: PosternError | string, accept: string | undefined, method = 'GET'): Answer {
  const error = code instanceof PosternError ? code : new PosternError(code as PosternError['code']);
  return refusal(error, { method, accept, requestId: 'abc123' });
}

function field(answer: Answer, name: string): string | undefined {
  const index = answer.headers.findIndex((entry, at) => at % 2 === 0 && entry.toLowerCase() === name);
  return index < 0 ? undefined : answer.headers[index + 1];
}

test('every code has a page and a problem document with its status, code, number, request id and advice', () => {
  for (const { code, status, wire, advice } of ERRORS) {
    const page = answerTo(code, HTML);
    const document = JSON.parse(answerTo(code, 'application/json').body.toString()) as Record<string, unknown>;
    assert.equal(page.status, status);
    assert.match(page.body.toString(), new RegExp(`data-code="${code}"[^]*${wire}[^]*abc123`));
    assert.deepEqual([document['code'], document['number'], document['status']], [code, wire, status]);
    assert.deepEqual([document['requestId'], document['advice']], ['abc123', advice]);
    assert.equal(field(page, 'postern-code'), code);
    assert.equal(field(page, 'cache-control'), 'no-store');
    assert.equal(Number(field(page, 'content-length')), page.body.length);
  }
});

test('HTML is for who names it and does not prefer JSON', () => {
  const html = [HTML, 'text/html', 'application/json;q=0.5, text/html', 'application/xhtml+xml'];
  const json = [
    undefined,
    '*/*',
    'application/json',
    'text/html;q=0.2, application/json',
    'text/html;q=0',
    'text/plain',
  ];
  for (const accept of html)
    assert.match(field(answerTo('tunnel-absent', accept), 'content-type') ?? '', /^text\/html/);
  for (const accept of json)
    assert.equal(field(answerTo('tunnel-absent', accept), 'content-type'), 'application/problem+json', accept);
});

test('a page needs nothing from outside, and its policy allows exactly what stands in it', () => {
  for (const code of ['tunnel-absent', 'sign-in-needed', 'name-unknown']) {
    const page = answerTo(code, HTML);
    const text = page.body.toString();
    const policy = field(page, 'content-security-policy') ?? '';
    assert.doesNotMatch(text, /(?:src|href)=|@import|url\(/);
    for (const [, tag, content] of text.matchAll(/<(style|script)>([^]*?)<\/\1>/g)) {
      const hash = createHash('sha256')
        .update(content as string)
        .digest('base64');
      assert.ok(policy.includes(`${tag}-src 'sha256-${hash}'`), `${code} ${tag}`);
    }
    assert.match(policy, /default-src 'none'.*frame-ancestors 'none'/);
    assert.match(text, /<html lang="en">.*<title>/);
  }
});

test('only what passes by waiting is tried again by itself, and only when the page was loaded, not sent', () => {
  for (const { code, status } of ERRORS) {
    const page = answerTo(code, HTML);
    assert.equal(page.body.includes('http-equiv="refresh"'), status === 503, code);
    assert.equal(field(page, 'retry-after') !== undefined, status === 503, code);
  }
  assert.ok(!answerTo('tunnel-absent', HTML, 'POST').body.includes('<script>'));
});

test('the sign-in page reads the secret from the fragment; a refused POST does not', () => {
  assert.match(answerTo('sign-in-needed', HTML).body.toString(), /location\.hash[^]*history\.replaceState/);
  assert.doesNotMatch(answerTo('sign-in-needed', HTML, 'POST').body.toString(), /location\.hash/);
});

test('details are shown escaped, except those of an unforeseen error', () => {
  const shown = answerTo(new PosternError('request-ambiguous', '<b>"x"</b>'), HTML).body.toString();
  assert.ok(shown.includes('&#60;b&#62;&#34;x&#34;&#60;/b&#62;'));
  for (const accept of [HTML, 'application/json'])
    assert.ok(!answerTo(new PosternError('internal', '/root/secret'), accept).body.includes('/root'));
});

test('an answer can be written to a bare socket, and says that the connection ends', () => {
  const bytes = rawAnswer(ownPage('Title', '<h1>x</h1>', 'id7')).toString('latin1');
  assert.match(bytes, /^HTTP\/1\.1 200 OK\r\n/);
  assert.match(bytes, /\r\nConnection: close\r\n\r\n<!doctype html>/);
  assert.match(bytes, /\r\nPostern-Request-Id: id7\r\n/);
});

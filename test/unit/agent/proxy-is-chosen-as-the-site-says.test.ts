// Which proxy is taken: --proxy, the variables, and their exceptions.

import assert from 'node:assert/strict';
import test from 'node:test';

import { proxyFor, proxyProblem } from '../../../agent/proxy.ts';

const BASTION = 'https://notebooks.example.org';
const label = (env: Record<string, string>, option?: string, bastion = BASTION): string | undefined =>
  proxyFor(bastion, option, env)?.label;

test('the variables count in this order, and empty ones do not', () => {
  assert.equal(label({}), undefined);
  assert.equal(label({ HTTPS_PROXY: 'http://a:3128' }), 'http://a:3128');
  assert.equal(label({ HTTPS_PROXY: 'http://a:3128', https_proxy: 'http://b:1' }), 'http://b:1');
  assert.equal(label({ ALL_PROXY: 'http://a:3128', HTTPS_PROXY: '' }), 'http://a:3128');
  assert.equal(label({ http_proxy: 'http://a:3128', HTTP_PROXY: 'http://a:3128' }), undefined);
});

test('--proxy counts more than they do, and none means none', () => {
  assert.equal(label({ HTTPS_PROXY: 'http://a:3128', NO_PROXY: '*' }, 'https://c'), 'https://c:443');
  assert.equal(label({ HTTPS_PROXY: 'http://a:3128' }, 'none'), undefined);
  // What is not used is not looked at either.
  assert.equal(label({ ALL_PROXY: 'socks5://a:1080' }, 'none'), undefined);
});

test('forms of a proxy', () => {
  const forms: [string, string, number, boolean][] = [
    ['http://p', 'p', 80, false],
    ['https://p/', 'p', 443, true],
    ['p:3128', 'p', 3128, false],
    ['http://[fd00::1]:3128', 'fd00::1', 3128, false],
  ];
  for (const [text, host, port, secure] of forms) {
    const proxy = proxyFor(BASTION, undefined, { HTTPS_PROXY: text });
    assert.deepEqual([proxy?.host, proxy?.port, proxy?.secure], [host, port, secure], text);
  }
  for (const wrong of ['socks5://p:1080', 'http://p/path', 'http://', 'ftp://p', '://'])
    assert.throws(() => label({ ALL_PROXY: wrong }), { code: 'options-invalid' }, wrong);
});

test('credentials come from the URL in the environment, never with the label, and never from --proxy', () => {
  const proxy = proxyFor(BASTION, undefined, { HTTPS_PROXY: 'http://al%40ice:p%3Aw@p:3128' });
  assert.equal(proxy?.credentials, 'al@ice:p:w');
  assert.equal(proxy?.label, 'http://p:3128');
  assert.match(proxyProblem('http://alice:hunter2@p:3128') ?? '', /--proxy-credentials-file/);
  assert.doesNotMatch(proxyProblem('http://alice:hunter2@p:3128') ?? '', /hunter2/);
  assert.throws(
    () => label({ HTTPS_PROXY: 'http://alice:hunter2%@p:3128' }),
    (error: Error) => error.message.includes('HTTPS_PROXY') && !error.message.includes('hunter2'),
  );
  assert.throws(
    () => label({ HTTPS_PROXY: 'gopher://alice:hunter2@p' }),
    (error: Error) => !error.message.includes('hunter2'),
  );
});

test('--proxy is checked', () => {
  for (const good of ['none', 'http://p:3128', 'https://p', 'p:3128'])
    assert.equal(proxyProblem(good), undefined, good);
  for (const bad of ['socks5://p', 'http://p/x', 'http://']) assert.notEqual(proxyProblem(bad), undefined, bad);
});

test('exceptions: names with everything below them, ports, addresses and networks', () => {
  const direct = (exceptions: string, bastion = BASTION): boolean =>
    label({ HTTPS_PROXY: 'http://p:3128', no_proxy: exceptions }, undefined, bastion) === undefined;
  for (const entry of [
    '*',
    'example.org',
    '.example.org',
    '*.example.org',
    'NOTEBOOKS.example.org',
    'x, example.org',
    'example.org:443',
    'example.org.',
  ])
    assert.ok(direct(entry), entry);
  for (const entry of [
    '',
    'ample.org',
    'example.or',
    'a.notebooks.example.org',
    'example.org:8443',
    '10.0.0.0/8',
    'http://example.org',
  ])
    assert.ok(!direct(entry), entry);
  assert.ok(direct('example.org:8443', `${BASTION}:8443`));
  assert.ok(direct('10.0.0.0/8', 'https://10.1.2.3'));
  assert.ok(direct('10.1.2.3', 'https://10.1.2.3:8443'));
  assert.ok(!direct('10.0.0.0/8', 'https://11.1.2.3'));
  assert.ok(!direct('10.0.0.0/64', 'https://10.1.2.3'));
  assert.ok(direct('fd00::/8', 'https://[fd00::1]'));
  assert.ok(direct('[fd00::1]:443', 'https://[fd00::1]'));
  assert.ok(!direct('fd01::/16', 'https://[fd00::1]'));
});

test('loopback is never behind a proxy of the environment', () => {
  for (const bastion of ['https://localhost:8443', 'https://b.localhost', 'https://127.0.0.1', 'https://[::1]:8443'])
    assert.equal(label({ HTTPS_PROXY: 'http://p:3128' }, undefined, bastion), undefined, bastion);
  assert.equal(label({}, 'http://p:3128', 'https://b.localhost'), 'http://p:3128');
});

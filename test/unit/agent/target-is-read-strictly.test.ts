// What --to may say.

import assert from 'node:assert/strict';
import test from 'node:test';

import { PosternError } from '../../../shared/errors.ts';
import { parseTarget, targetLabel } from '../../../agent/upstreams/target.ts';

test('the three kinds are told apart', () => {
  assert.deepEqual(parseTarget('http://127.0.0.1:8888'), {
    kind: 'tcp',
    host: '127.0.0.1',
    name: '127.0.0.1',
    port: 8888,
    loopback: true,
  });
  assert.deepEqual(parseTarget('https://lab.example.org/'), {
    kind: 'tls',
    host: 'lab.example.org',
    name: 'lab.example.org',
    port: 443,
    loopback: false,
  });
  assert.deepEqual(parseTarget('unix:/run/user/1000/j.sock'), { kind: 'unix', path: '/run/user/1000/j.sock' });
});

test('localhost is dialled as 127.0.0.1 and verified as localhost', () => {
  for (const name of ['localhost', 'LOCALHOST', 'lab.localhost']) {
    const target = parseTarget(`https://${name}:8443`);
    assert.ok(target.kind === 'tls' && target.loopback);
    assert.equal(target.host, '127.0.0.1');
    assert.equal(target.name, name.toLowerCase());
  }
});

test('an unusual spelling of loopback counts as another machine', () => {
  for (const host of ['127.1', '0.0.0.0', '[::ffff:127.0.0.1]', '2130706433', '127.0.0.1.example.org']) {
    const target = parseTarget(`http://${host}:80`);
    assert.ok(target.kind === 'tcp' && !target.loopback, host);
  }
  const six = parseTarget('http://[::1]:80');
  assert.ok(six.kind === 'tcp' && six.loopback && six.host === '::1');
});

test('everything else is refused', () => {
  const wrong = [
    '',
    '8888',
    'localhost:8888',
    'ftp://127.0.0.1:21',
    'http://',
    'http://127.0.0.1:0',
    'http://127.0.0.1:65536',
    'http://127.0.0.1:8888/lab',
    'http://127.0.0.1:8888?token=x',
    'http://user:secret@127.0.0.1:8888',
    'http://127.0.0.1:8888#x',
    'http://127.0.0.1 :8888',
    'unix:relative.sock',
    'unix:',
    `unix:/${'x'.repeat(107)}`,
    'unix:/a\0b',
  ];
  for (const text of wrong)
    assert.throws(
      () => parseTarget(text),
      (error) => error instanceof PosternError && error.code === 'options-invalid',
      text,
    );
  assert.equal(parseTarget(`unix:/${'x'.repeat(106)}`).kind, 'unix');
});

test('a label reads back as the same target', () => {
  for (const text of ['http://127.0.0.1:8888', 'https://[::1]:443', 'unix:/a b', 'http://lab.example.org:80']) {
    assert.equal(targetLabel(parseTarget(text)), text);
  }
});

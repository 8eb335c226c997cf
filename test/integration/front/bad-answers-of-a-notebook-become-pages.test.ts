// Whatever a notebook answers that is not valid HTTP reaches the visitor as a coded 502 or a visible cut, never as itself.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { test } from 'node:test';

import { PosternError } from '../../../shared/errors.ts';
import { closed, frontWorld, whole } from '../../support/front-world.ts';

const BAD: Record<string, string> = {
  'another protocol': 'SSH-2.0-OpenSSH_9.6\r\n',
  'bare line feeds': 'HTTP/1.1 200 OK\nContent-Length: 2\n\nok',
  'a folded line': 'HTTP/1.1 200 OK\r\nA: b\r\n c\r\nContent-Length: 2\r\n\r\nok',
  'length beside coding':
    'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n',
  'unequal lengths': 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok!',
  'an unknown coding': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nok',
  '101 that nobody asked for': 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n',
  'too many interim responses': 'HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(17),
  'a head without end': `HTTP/1.1 200 OK\r\nA: ${'x'.repeat(70_000)}`,
  'a bad chunk at once': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n',
  'random bytes': Buffer.from(Array.from({ length: 500 }, (_, index) => (index * 7919) % 251)).toString('latin1'),
};

for (const [what, bytes] of Object.entries(BAD)) {
  test(`${what}: 502, and the stream is destroyed`, async () => {
    const world = await frontWorld({ raw: (socket) => socket.once('data', () => socket.write(bytes, 'latin1')) });
    const { status, headers } = await world.fetch('/');
    assert.deepEqual([status, headers['postern-code']], [502, 'upstream-response-invalid']);
    await closed(world.opened[0]);
    assert.equal(world.records[0]?.code, 'upstream-response-invalid');
    await world.close();
  });
}

test('a chunk that turns bad in the middle of the body cuts the answer', async () => {
  const world = await frontWorld({
    raw: (socket) =>
      socket.once('data', () => {
        socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n');
        socket.once('data', () => socket.write('zz\r\n'));
      }),
  });
  const asked = httpsRequest(world.options('/', { method: 'POST' }));
  asked.write('first');
  const [response] = (await once(asked, 'response')) as [IncomingMessage];
  const answer = whole(response);
  asked.on('error', () => {});
  asked.write('now');
  await assert.rejects(answer);
  await world.close();
});

test('the code of a reset stream is the code of the page', async () => {
  for (const code of ['upstream-refused', 'upstream-not-ready', 'upstream-foreign', 'upstream-timeout'] as const) {
    const world = await frontWorld({ raw: () => {} });
    const answer = world.fetch('/', { headers: { accept: 'text/html' } });
    while (world.opened.length === 0) await new Promise((resolve) => setImmediate(resolve));
    world.opened[0]?.destroy(new PosternError(code));
    const { status, body, headers } = await answer;
    assert.equal(headers['postern-code'], code);
    assert.equal(status, new PosternError(code).entry.status);
    assert.match(body, new RegExp(`data-code="${code}"`));
    await world.close();
  }
});

test('a tunnel that opens nothing answers with its reason', async () => {
  const open = (): never => {
    throw new PosternError('stream-limit');
  };
  const world = await frontWorld({ raw: () => {} }, { tunnel: { open } });
  assert.equal((await world.fetch('/')).headers['postern-code'], 'stream-limit');
  await world.close();
});

test('a notebook that has ended is told of without asking its agent', async () => {
  const world = await frontWorld({ raw: () => {} }, { tunnel: { readiness: () => ({ ready: false, exit: 1 }) } });
  assert.equal((await world.fetch('/')).headers['postern-code'], 'upstream-exited');
  assert.equal(world.opened.length, 0);
  await world.close();
});

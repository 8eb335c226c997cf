// Silence ends by a named timeout each: before a request, between requests, inside a body. What is under way is not touched.

import assert from 'node:assert/strict';
import { createServer, type IncomingMessage } from 'node:http';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';

import { everything, frontWorld, HOST, until } from '../../support/front-world.ts';

const POST = `POST / HTTP/1.1\r\nHost: ${HOST}\r\n`;
const QUICK = 200;
const NEVER = 600_000;

test('a connection on which nothing is ever asked is ended (--header-timeout)', async () => {
  const world = await frontWorld({ raw: () => {} }, { limits: { headersTimeoutMs: QUICK, keepAliveMs: NEVER } });
  const visitor = await world.socket();
  const answer = await everything(visitor);
  assert.ok(answer === '' || answer.startsWith('HTTP/1.1 408 '), answer);
  await world.close();
});

test('a connection without a next request is ended (--keep-alive)', async () => {
  const world = await frontWorld(
    { http: (_request, response) => response.end('one') },
    { limits: { keepAliveMs: QUICK, headersTimeoutMs: NEVER } },
  );
  const visitor = await world.socket();
  visitor.write(`GET / HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`);
  assert.match(await everything(visitor), /one$/);
  await world.close();
});

test('an answer that takes long, or comes slowly, is not idleness', async () => {
  const limits = { keepAliveMs: QUICK, headersTimeoutMs: QUICK, uploadIdleMs: QUICK };
  const world = await frontWorld(
    {
      http: (_request, response) => {
        setTimeout(() => response.write('slow '), 3 * QUICK);
        setTimeout(() => response.end('answer'), 6 * QUICK);
      },
    },
    { limits },
  );
  assert.equal((await world.fetch('/', { method: 'POST', body: 'whole' })).body, 'slow answer');
  await world.close();
});

for (const [framing, part] of [
  ['Content-Length: 10\r\n', 'first'],
  ['Transfer-Encoding: chunked\r\n', '5\r\nfirst\r\n'],
] as const)
  test(`a body that goes no further gets 408, and the notebook sees a cut (${framing.slice(0, 8)}...; --upload-idle)`, async () => {
    const cut = Promise.withResolvers<void>();
    const server = createServer((request) => {
      request.on('error', () => cut.resolve());
      request.resume();
    });
    const world = await frontWorld({ server }, { limits: { uploadIdleMs: QUICK } });
    const visitor = await world.socket();
    visitor.write(`${POST}${framing}\r\n${part}`);
    assert.match(await everything(visitor), /^HTTP\/1\.1 408 [^]*"code":"request-timeout"/);
    await cut.promise;
    assert.equal(world.records.at(-1)?.code, 'request-timeout');
    await world.close();
  });

test('a body that comes slowly but steadily goes on for longer than any silence may last', async () => {
  const limits = { uploadIdleMs: 3 * QUICK };
  const world = await frontWorld(
    { http: (request, response) => void text(request).then((all) => response.end(all)) },
    { limits },
  );
  const visitor = await world.socket();
  visitor.write(`${POST}Content-Length: 10\r\n\r\n`);
  for (let byte = 0; byte < 10; byte += 1) {
    visitor.write(String(byte));
    await new Promise((resolve) => setTimeout(resolve, QUICK / 2));
  }
  assert.match(await until(visitor, '0123456789'), /0123456789$/);
  visitor.destroy();
  await world.close();
});

test('time does not count while it is the notebook that reads slowly', async () => {
  const arrived = Promise.withResolvers<IncomingMessage>();
  const world = await frontWorld(
    {
      http: (request, response) => {
        request.pause();
        arrived.resolve(request);
        request.on('end', () => response.end('all'));
      },
    },
    { limits: { uploadIdleMs: QUICK } },
  );
  const size = 8 * 1024 * 1024;
  const visitor = await world.socket();
  visitor.write(`${POST}Content-Length: ${size}\r\n\r\n`);
  visitor.write(Buffer.alloc(size));
  const request = await arrived.promise;
  await new Promise((resolve) => setTimeout(resolve, 4 * QUICK));
  assert.ok(!request.complete);
  request.resume();
  assert.match(await until(visitor, 'all'), /^HTTP\/1\.1 200 /);
  const closed = once(visitor, 'close');
  visitor.destroy();
  await closed;
  await world.close();
});

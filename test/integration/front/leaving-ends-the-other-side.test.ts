// When either side leaves in the middle, the other one learns of it: no clean end where something is missing.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request as httpsRequest } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { test } from 'node:test';

import { closed, everything, frontWorld, until, HOST } from '../../support/front-world.ts';

test('a visitor who leaves a download ends the request at the notebook', async () => {
  const gone = Promise.withResolvers<void>();
  const world = await frontWorld({
    http: (_request, response) => {
      response.on('close', () => gone.resolve());
      response.write('begin');
    },
  });
  const asked = httpsRequest(world.options('/')).end();
  const [response] = (await once(asked, 'response')) as [IncomingMessage];
  await once(response, 'data');
  asked.on('error', () => {});
  asked.destroy();
  await gone.promise;
  while (world.records.length === 0) await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual([world.records[0]?.status, world.records[0]?.code], [200, 'stream-cancelled']);
  await world.close();
});

test('a visitor who leaves while waiting, or in the middle of an upload, ends the request too', async () => {
  for (const method of ['GET', 'PUT']) {
    const gone = Promise.withResolvers<void>();
    const arrived = Promise.withResolvers<void>();
    const world = await frontWorld({
      http: (request, response) => {
        response.on('close', () => gone.resolve());
        request.on('error', () => {});
        request.resume();
        arrived.resolve();
      },
    });
    const asked = httpsRequest(world.options('/', { method }));
    asked.on('error', () => {});
    if (method === 'PUT') asked.write('part');
    else asked.end();
    await arrived.promise;
    asked.destroy();
    await gone.promise;
    await world.close();
  }
});

test('what the notebook sent before it broke off is delivered, and then the answer is visibly cut', async () => {
  for (const head of ['Content-Length: 100', 'Transfer-Encoding: chunked']) {
    const world = await frontWorld({
      raw: (socket) =>
        socket.once('data', () => {
          const body = head.startsWith('T') ? '5\r\nhello\r\n' : 'hello';
          socket.write(`HTTP/1.1 200 OK\r\n${head}\r\n\r\n${body}`, () => socket.destroySoon());
        }),
    });
    const visitor = await world.socket();
    visitor.write(`GET / HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`);
    const text = await everything(visitor);
    assert.match(text, /hello/);
    assert.doesNotMatch(text, /\r\n0\r\n/);
    assert.equal(world.records[0]?.code, 'upstream-closed');
    await world.close();
  }
});

test('an answer that ends with its connection is complete after a clean end', async () => {
  const world = await frontWorld({
    raw: (socket) => socket.once('data', () => socket.end('HTTP/1.0 200 OK\r\n\r\nall of it')),
  });
  const { body, headers } = await world.fetch('/');
  assert.deepEqual([body, headers['transfer-encoding']], ['all of it', 'chunked']);
  await world.close();
});

test('an early final answer stops the upload, reaches the visitor, and its stream is not used again', async () => {
  let taken = 0;
  const world = await frontWorld({
    http: (request, response: ServerResponse) => {
      request.once('data', (chunk: Buffer) => {
        taken += chunk.length;
        response.writeHead(413).end('too large');
      });
    },
  });
  const visitor = await world.socket();
  visitor.write(`PUT / HTTP/1.1\r\nHost: ${HOST}\r\nContent-Length: 1000000\r\n\r\n${'x'.repeat(1000)}`);
  assert.match(await until(visitor, 'too large'), /^HTTP\/1\.1 413 /);
  await closed(world.opened[0]);
  // The rest of the body is read away; then the connection serves again.
  visitor.write('x'.repeat(999_000));
  visitor.write(`GET /second HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`);
  while (world.opened.length < 2) await new Promise((resolve) => setImmediate(resolve));
  assert.ok(taken < 1_000_000);
  visitor.destroy();
  await world.close();
});

// What HTTP/1.1 can say passes the bastion: interim responses, expectations, trailers, HEAD, ranges, odd paths.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request as httpsRequest } from 'node:https';
import type { IncomingMessage } from 'node:http';
import { createServer } from 'node:http';
import { test } from 'node:test';

import { everything, frontWorld, HOST, until, whole } from '../../support/front-world.ts';

test('100-continue comes from the notebook, and only then does the body flow', async () => {
  const server = createServer();
  let continued = false;
  server.on('checkContinue', (request, response) => {
    assert.equal(request.headers.expect, '100-continue');
    continued = true;
    response.writeContinue();
    request.pipe(response);
  });
  const world = await frontWorld({ server });
  const asked = httpsRequest(
    world.options('/', { method: 'PUT', headers: { expect: '100-continue', 'content-length': '4' } }),
  );
  asked.flushHeaders();
  await once(asked, 'continue');
  assert.equal(continued, true);
  asked.end('body');
  const [response] = (await once(asked, 'response')) as [IncomingMessage];
  assert.equal((await whole(response)).body, 'body');
  await world.close();
});

test('an expectation may be refused without the body', async () => {
  const server = createServer();
  server.on('checkContinue', (_request, response) => response.writeHead(417).end());
  const world = await frontWorld({ server });
  const asked = httpsRequest(
    world.options('/', { method: 'PUT', headers: { expect: '100-continue', 'content-length': '4' } }),
  );
  asked.on('error', () => {});
  asked.flushHeaders();
  const [response] = (await once(asked, 'response')) as [IncomingMessage];
  assert.equal(response.statusCode, 417);
  asked.destroy();
  await world.close();
});

test('early hints are relayed, but not to HTTP/1.0', async () => {
  const world = await frontWorld({
    http: (_request, response) => {
      response.writeEarlyHints({ link: '</style.css>; rel=preload' });
      response.end('done');
    },
  });
  const visitor = await world.socket();
  visitor.write(`GET / HTTP/1.1\r\nHost: ${HOST}\r\nConnection: close\r\n\r\n`);
  assert.match(await everything(visitor), /^HTTP\/1\.1 103 [^]*rel=preload[^]*HTTP\/1\.1 200 /);
  const old = await world.socket();
  old.write(`GET / HTTP/1.0\r\nHost: ${HOST}\r\n\r\n`);
  assert.match(await everything(old), /^HTTP\/1\.1 200 [^]*\r\n\r\ndone$/);
  await world.close();
});

test('trailers pass both ways', async () => {
  const world = await frontWorld({
    http: (request, response) => {
      request.resume();
      request.on('end', () => {
        response.setHeader('Trailer', 'X-Out');
        response.write(`in: ${request.trailers['x-in']}`);
        response.addTrailers({ 'X-Out': 'later' });
        response.end();
      });
    },
  });
  const asked = httpsRequest(world.options('/', { method: 'POST', headers: { te: 'trailers', trailer: 'X-In' } }));
  asked.write('body');
  asked.addTrailers({ 'X-In': 'given' });
  asked.end();
  const [response] = (await once(asked, 'response')) as [IncomingMessage];
  const { body, trailers, headers } = await whole(response);
  assert.deepEqual([body, trailers['x-out'], headers.trailer], ['in: given', 'later', 'X-Out']);
  await world.close();
});

test('HEAD, 204 and 304 have no body, keep their length, and the connection goes on', async () => {
  const world = await frontWorld({
    http: (request, response) => {
      if (request.url === '/204') return response.writeHead(204).end();
      if (request.url === '/304') return response.writeHead(304, { 'content-length': '7', etag: '"x"' }).end();
      response.writeHead(200, { 'content-length': '7' });
      return response.end(request.method === 'HEAD' ? undefined : 'CONTENT');
    },
  });
  const visitor = await world.socket();
  const ask = (method: string, path: string): string => `${method} ${path} HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`;
  visitor.write(ask('HEAD', '/') + ask('GET', '/204') + ask('GET', '/304') + ask('GET', '/'));
  const text = await until(visitor, 'CONTENT');
  assert.deepEqual(text.match(/HTTP\/1\.1 \d+/g), ['HTTP/1.1 200', 'HTTP/1.1 204', 'HTTP/1.1 304', 'HTTP/1.1 200']);
  assert.equal(text.match(/content-length: 7/gi)?.length, 3);
  assert.equal(world.opened.length, 1);
  visitor.destroy();
  await world.close();
});

test('ranges, odd paths, many values and binary bodies arrive as they were sent', async () => {
  const world = await frontWorld({
    http: (request, response) => {
      response.writeHead(206, [
        ['Content-Range', 'bytes 0-1/2'],
        ['Set-Cookie', 'a=1'],
        ['Set-Cookie', 'b=2'],
        ['X-Url', request.url ?? ''],
        ['X-Range', String(request.headers.range)],
      ] as never);
      response.end(Buffer.from([0, 255]));
    },
  });
  const path = '/a//b/../%2e%2e/%00;x=?q=%20&&#';
  const { status, headers, body } = await world.fetch(path.slice(0, -1), { headers: { range: 'bytes=0-1' } });
  assert.deepEqual([status, headers['x-url'], headers['x-range']], [206, path.slice(0, -1), 'bytes=0-1']);
  assert.deepEqual([headers['set-cookie'], body], [['a=1', 'b=2'], '\0\xff']);
  await world.close();
});

test('h2c and other offers to us are answered as plain requests', async () => {
  const world = await frontWorld({ http: (request, response) => response.end(`upgrade: ${request.headers.upgrade}`) });
  for (const protocol of ['h2c', 'TLS/1.2', 'HTTP/2.0']) {
    const headers = { connection: 'Upgrade, HTTP2-Settings', upgrade: protocol, 'http2-settings': 'AAMAAABk' };
    assert.equal((await world.fetch('/', { headers })).body, 'upgrade: undefined');
  }
  await world.close();
});

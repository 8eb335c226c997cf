// What HTTP/2 can say passes the bastion as HTTP/1.1 says it: interim answers, expectations, trailers, HEAD, ranges, cookies, odd paths.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { test } from 'node:test';

import { frontWorld, HOST } from '../../support/front-world.ts';
import { answered, http2Visitor } from '../../support/http2-visitor.ts';

test('both versions are served on one port, and the log tells which it was', async () => {
  const world = await frontWorld({ http: (request, response) => response.end(request.headers.host) });
  const visitor = await http2Visitor(world);
  const [modern, old] = [await visitor.fetch('/'), await world.fetch('/')];
  assert.deepEqual([modern.body, old.body], [HOST, HOST]);
  assert.deepEqual(
    world.records.map(({ protocol, status, method, name }) => [protocol, status, method, name]),
    [
      ['HTTP/2', 200, 'GET', 'alice'],
      ['HTTP/1.1', 200, 'GET', 'alice'],
    ],
  );
  const neither = await world.socket(HOST);
  assert.equal(neither.alpnProtocol, false);
  neither.destroy();
  await world.close();
});

test('the notebook sees one request of HTTP/1.1: host, crumbs of cookies as one, and who asked', async () => {
  let seen: IncomingMessage | undefined;
  const world = await frontWorld({
    http: (request, response) => {
      seen = request;
      response.end();
    },
  });
  const visitor = await http2Visitor(world);
  await visitor.fetch('/', {
    fields: { cookie: ['a=1', 'b=2', 'c=3'], 'x-many': ['1', '2'], 'x-forwarded-for': '192.0.2.9' },
  });
  assert.equal(seen?.httpVersion, '1.1');
  assert.deepEqual(seen.headersDistinct['cookie'], ['a=1; b=2; c=3']);
  assert.deepEqual(seen.headersDistinct['x-many'], ['1', '2']);
  assert.deepEqual(seen.headersDistinct['host'], [HOST]);
  assert.deepEqual(seen.headersDistinct['x-forwarded-for'], ['127.0.0.1']);
  assert.equal(
    seen.rawHeaders.some((name) => name.startsWith(':')),
    false,
  );
  await world.close();
});

test('100-continue comes from the notebook, and early hints are relayed', async () => {
  const server = createServer();
  server.on('checkContinue', (request, response) => {
    response.writeContinue();
    response.writeEarlyHints({ link: ['</a.css>; rel=preload', '</b.css>; rel=preload'] });
    request.pipe(response);
  });
  const world = await frontWorld({ server });
  const visitor = await http2Visitor(world);
  const asked = visitor.open('/', { ':method': 'PUT', expect: '100-continue', 'content-length': '4' });
  const answer = answered(asked);
  await once(asked, 'continue');
  asked.end('body');
  const { status, body, interim } = await answer;
  assert.deepEqual([status, body], [200, 'body']);
  assert.deepEqual(
    interim.map((each) => [each[':status'], each['link']]),
    [
      [100, undefined],
      [103, '</a.css>; rel=preload, </b.css>; rel=preload'],
    ],
  );
  await world.close();
});

test('an expectation may be refused without the body', async () => {
  const server = createServer();
  server.on('checkContinue', (_request, response) => response.writeHead(417).end('no'));
  const world = await frontWorld({ server });
  const visitor = await http2Visitor(world);
  const { status, body, reset } = await answered(visitor.open('/', { ':method': 'PUT', expect: '100-continue' }));
  assert.deepEqual([status, body, reset], [417, 'no', 0]);
  await world.close();
});

test('trailers pass both ways, also those of an empty body', async () => {
  const world = await frontWorld({
    http: (request, response) => {
      request.resume();
      request.on('end', () => {
        response.setHeader('Trailer', 'X-Out');
        if (request.url === '/body') response.write(`in: ${request.trailers['x-in']}`);
        else response.flushHeaders();
        response.addTrailers({ 'X-Out': 'later', Connection: 'close' });
        response.end();
      });
    },
  });
  const visitor = await http2Visitor(world);
  const fields = { ':method': 'POST', te: 'trailers', trailer: 'x-in' };
  const full = await visitor.fetch('/body', { fields, body: 'body', trailers: { 'x-in': 'given' } });
  assert.deepEqual([full.body, full.trailers['x-out'], full.headers['trailer']], ['in: given', 'later', 'X-Out']);
  assert.equal(full.trailers['connection'], undefined);
  const empty = await visitor.fetch('/', { fields, trailers: { 'x-in': 'given' } });
  assert.deepEqual([empty.body, empty.trailers['x-out'], empty.reset], ['', 'later', 0]);
  await world.close();
});

test('HEAD, 204, 205 and 304 have no body, and keep the length that they say', async () => {
  const world = await frontWorld({
    http: (request, response) => {
      if (request.url === '/204') return response.writeHead(204).end();
      if (request.url === '/205') return response.writeHead(205, { 'content-length': '0' }).end();
      if (request.url === '/304') return response.writeHead(304, { 'content-length': '7', etag: '"x"' }).end();
      response.writeHead(200, { 'content-length': '7' });
      return response.end(request.method === 'HEAD' ? undefined : 'CONTENT');
    },
  });
  const visitor = await http2Visitor(world);
  const heads = await visitor.fetch('/', { fields: { ':method': 'HEAD' } });
  assert.deepEqual([heads.status, heads.headers['content-length'], heads.body, heads.reset], [200, '7', '', 0]);
  for (const status of [204, 205, 304]) {
    const answer = await visitor.fetch(`/${status}`);
    assert.deepEqual([answer.status, answer.body, answer.reset], [status, '', 0]);
    assert.equal(answer.headers['content-length'], { 204: undefined, 205: '0', 304: '7' }[status]);
  }
  assert.equal((await visitor.fetch('/')).body, 'CONTENT');
  assert.equal(world.opened.length, 1, 'one connection to the notebook was used again and again');
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
        ['X-Latin', 'caf\u00e9'],
        ['Content-Type', 'text/a'],
        ['Content-Type', 'text/b'],
      ] as never);
      response.end(Buffer.from([0, 255]));
    },
  });
  const visitor = await http2Visitor(world);
  const path = '/a//b/../%2e%2e/%00;x=?q=%20&&';
  const { status, headers, body } = await visitor.fetch(path, { fields: { range: 'bytes=0-1' } });
  assert.deepEqual([status, headers['x-url'], headers['x-range']], [206, path, 'bytes=0-1']);
  assert.deepEqual([headers['set-cookie'], body, headers['x-latin']], [['a=1', 'b=2'], '\0\xff', 'caf\u00e9']);
  await world.close();
});

test('what belongs to a connection of HTTP/1.1 stays behind: its fields, its chunks, its reason phrase', async () => {
  const world = await frontWorld({
    raw: (socket) => {
      socket.write(
        'HTTP/1.1 200 Fine\r\nConnection: X-Hop, keep-alive\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nX-Kept: 1\r\n' +
          'Transfer-Encoding: chunked\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMA\r\nProxy-Connection: x\r\n\r\n3\r\nabc\r\n0\r\n\r\n',
      );
    },
  });
  const visitor = await http2Visitor(world);
  const { status, headers, body, reset } = await visitor.fetch('/');
  assert.deepEqual([status, body, reset], [200, 'abc', 0]);
  assert.deepEqual(Object.keys(headers).toSorted(), [':status', 'date', 'x-kept']);
  await world.close();
});

test('a body without a length is chunked towards the notebook; one with a length keeps it', async () => {
  const world = await frontWorld({
    http: (request, response) => {
      const { 'transfer-encoding': coding, 'content-length': length } = request.headers;
      request.resume();
      request.on('end', () => response.end(`${coding} ${length}`));
    },
  });
  const visitor = await http2Visitor(world);
  const put = (fields: Record<string, string>, body?: string): Promise<string> =>
    visitor
      .fetch('/', { fields: { ':method': 'PUT', ...fields }, ...(body === undefined ? {} : { body }) })
      .then((answer) => answer.body);
  assert.equal(await put({}, 'some'), 'chunked undefined');
  assert.equal(await put({ 'content-length': '4' }, 'some'), 'undefined 4');
  assert.equal(await put({ 'content-length': '0' }), 'undefined 0');
  assert.equal(await put({}), 'undefined 0');
  assert.equal(await put({}, ''), 'chunked undefined');
  await world.close();
});

test('a status that HTTP/2 has no room for becomes a page', async () => {
  const world = await frontWorld({
    raw: (socket) => void socket.write('HTTP/1.1 999 Odd\r\nContent-Length: 2\r\n\r\nhi'),
  });
  const visitor = await http2Visitor(world);
  const { status, headers } = await visitor.fetch('/');
  assert.deepEqual([status, headers['postern-code']], [502, 'upstream-response-invalid']);
  await world.close();
});

// WebSockets and any other upgrade: spliced after the notebook's 101, answered plainly when it refuses.

import assert from 'node:assert/strict';
import { createServer, type IncomingMessage } from 'node:http';
import { test } from 'node:test';
import type { Duplex } from 'node:stream';
import WebSocket, { WebSocketServer } from 'ws';

import { everything, frontWorld, HOST, until } from '../../support/front-world.ts';

const ASK = `GET /up HTTP/1.1\r\nHost: ${HOST}\r\nConnection: Upgrade\r\nUpgrade: custom/1\r\n`;

function upgrading(answer: (socket: Duplex, request: IncomingMessage, head: Buffer) => void) {
  const server = createServer((_request, response) => response.end('plain'));
  server.on('upgrade', (request, socket, head) => {
    socket.on('error', () => {});
    answer(socket, request, head);
  });
  return { server };
}

const SWITCH = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: custom/1\r\nConnection: Upgrade\r\nX-Extra: 1\r\n\r\n';

test('a WebSocket echoes small and large messages and closes with its code', async () => {
  const server = createServer();
  const sockets = new WebSocketServer({ server });
  sockets.on('connection', (socket) => {
    socket.on('message', (data, binary) => socket.send(data as Buffer, { binary }));
    socket.on('close', (code) => assert.equal(code, 4001));
  });
  const world = await frontWorld({ server });
  const { ca, servername, headers, host, port } = world.options('/');
  const visitor = new WebSocket(`wss://${String(host)}:${String(port)}/ws?x`, { ca, servername, headers } as never);
  await new Promise((resolve, reject) => visitor.once('open', resolve).once('error', reject));
  for (const size of [0, 5, 100_000, 1_000_000]) {
    const message = Buffer.alloc(size, 'ab');
    const echoed = new Promise<Buffer>((resolve) => visitor.once('message', (data) => resolve(data as Buffer)));
    visitor.send(message);
    assert.ok((await echoed).equals(message));
  }
  const closed = new Promise((resolve) => visitor.once('close', resolve));
  visitor.close(4001);
  await closed;
  while (world.records.length === 0) await new Promise((resolve) => setImmediate(resolve));
  const record = world.records[0];
  assert.deepEqual([record?.status, record?.upgrade, record?.path, record?.code], [101, true, '/ws', undefined]);
  assert.ok((record?.bytesOut ?? 0) > 1_100_000 && (record?.bytesIn ?? 0) > 1_100_000);
  await world.close();
});

test('bytes behind the request are forwarded only after the 101, and both sides may speak at once', async () => {
  let early = -1;
  const world = await frontWorld(
    upgrading((socket, _request, head) => {
      early = head.length;
      socket.once('readable', () => {
        early += socket.readableLength;
      });
      setImmediate(() => {
        const before = early;
        socket.write(`${SWITCH}greeting`);
        socket.on('data', (chunk: Buffer) => socket.write(`<${before}:${chunk.toString()}>`));
      });
    }),
  );
  const visitor = await world.socket();
  visitor.write(`${ASK}\r\nfirst`);
  const text = await until(visitor, '<0:first>');
  assert.match(
    text,
    /^HTTP\/1\.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: custom\/1\r\nX-Extra: 1\r\n\r\ngreeting<0:first>$/,
  );
  visitor.end();
  await world.close();
});

test('either end of an upgraded connection ends the other', async () => {
  const visitorLeft = Promise.withResolvers<void>();
  const world = await frontWorld(
    upgrading((socket) => {
      socket.write(SWITCH);
      socket.on('data', (chunk: Buffer) => {
        if (chunk.toString() === 'bye') socket.destroy();
      });
      socket.on('end', () => socket.end());
      socket.on('close', () => visitorLeft.resolve());
    }),
  );
  const first = await world.socket();
  first.write(`${ASK}\r\n`);
  await until(first, '\r\n\r\n');
  first.write('bye');
  await everything(first);
  const second = await world.socket();
  second.write(`${ASK}\r\n`);
  await until(second, '\r\n\r\n');
  second.destroy();
  await visitorLeft.promise;
  await world.close();
});

test('a refused upgrade is relayed and closes the connection', async () => {
  const world = await frontWorld(
    upgrading((socket) => socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\nX-Why: origin\r\n\r\nno')),
  );
  const visitor = await world.socket();
  visitor.write(`${ASK}\r\nGET /smuggled HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`);
  const text = await everything(visitor);
  assert.match(text, /^HTTP\/1\.1 403 Forbidden\r\n[^]*X-Why: origin[^]*Connection: close\r\n\r\nno$/);
  assert.equal(world.opened.length, 1);
  await world.close();
});

test('an upgrade that cannot be forwarded gets the coded answer', async () => {
  const world = await frontWorld({ raw: (socket) => socket.destroy() });
  const answers = [
    [`${ASK}Content-Length: 3\r\n\r\nabc`, /^HTTP\/1\.1 400 [^]*request-ambiguous/],
    [`${ASK}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, /^HTTP\/1\.1 400 [^]*request-ambiguous/],
    [`${ASK.replace('alice', 'nobody')}\r\n`, /^HTTP\/1\.1 404 [^]*name-unknown/],
    [`${ASK}\r\n`, /^HTTP\/1\.1 502 [^]*upstream-closed/],
  ] as const;
  for (const [request, pattern] of answers) {
    const visitor = await world.socket();
    visitor.write(request);
    assert.match(await everything(visitor), pattern);
  }
  await world.close();
});

test('an agent registering at the apex is handed over with its socket, and outlives the front', async () => {
  const handed = Promise.withResolvers<Duplex>();
  const world = await frontWorld({ raw: () => {} }, { tunnelUpgrade: (_request, socket) => handed.resolve(socket) });
  const agent = await world.socket('notebooks.example.org');
  const head =
    'GET /_postern/tunnel HTTP/1.1\r\nHost: Notebooks.Example.org\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n';
  agent.write(head);
  const socket = await handed.promise;
  await world.front.close(1000);
  socket.write('still here');
  assert.equal(await until(agent, 'here'), 'still here');
  socket.destroy();
  await world.close();
});

// WebSockets over HTTP/2 (RFC 8441): an extended CONNECT becomes an upgrade of HTTP/1.1 towards the notebook, and its 101 a 200.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { constants, type ClientHttp2Stream } from 'node:http2';
import type { Duplex } from 'node:stream';
import { test } from 'node:test';
import { WebSocketServer } from 'ws';

import { frontWorld, HOST } from '../../support/front-world.ts';
import { answered, http2Visitor, type Http2Visitor } from '../../support/http2-visitor.ts';

const CONNECT = { ':method': 'CONNECT', ':protocol': 'websocket', 'sec-websocket-version': '13' };

async function connected(visitor: Http2Visitor, fields: Record<string, string> = {}): Promise<ClientHttp2Stream> {
  if (!visitor.session.remoteSettings.enableConnectProtocol) await once(visitor.session, 'remoteSettings');
  return visitor.open('/ws?x', { ...CONNECT, ...fields });
}

function upgrading(answer: (socket: Duplex, request: IncomingMessage) => void) {
  const server = createServer((_request, response) => response.end('plain'));
  server.on('upgrade', (request, socket) => {
    socket.on('error', () => {});
    answer(socket, request);
  });
  return { server };
}

/** A masked text frame of a client. */
function textFrame(text: string): Buffer {
  return Buffer.concat([Buffer.from([0x81, 0x80 | text.length, 0, 0, 0, 0]), Buffer.from(text)]);
}

test('a WebSocket talks, its subprotocol is agreed on, and its end is an end', async () => {
  const server = createServer();
  let seen: IncomingMessage | undefined;
  const sockets = new WebSocketServer({ server });
  sockets.on('connection', (socket, request) => {
    seen = request;
    socket.on('message', (data) => socket.send(`<${(data as Buffer).toString()}>`));
  });
  const world = await frontWorld({ server });
  const visitor = await http2Visitor(world);
  const stream = await connected(visitor, { 'sec-websocket-protocol': 'v1.kernel', origin: `https://${HOST}` });
  const [headers] = (await once(stream, 'response')) as [Record<string, string>];
  assert.deepEqual([headers[':status'], headers['sec-websocket-protocol']], [200, 'v1.kernel']);
  assert.equal(headers['sec-websocket-accept'], undefined);
  assert.equal(headers['upgrade'] ?? headers['connection'], undefined);
  assert.deepEqual([seen?.method, seen?.url, seen?.headers.host], ['GET', '/ws?x', HOST]);
  stream.write(textFrame('hello'));
  const [frame] = (await once(stream, 'data')) as [Buffer];
  assert.equal(frame.subarray(2).toString(), '<hello>');
  assert.equal(world.front.upgrades, 1);
  stream.end(Buffer.from([0x88, 0x80, 0, 0, 0, 0]));
  await once(stream.resume(), 'close');
  assert.equal(stream.rstCode, 0);
  while (world.records.length < 1) await new Promise((resolve) => setImmediate(resolve));
  const { status, upgrade, path, code, bytesIn, bytesOut } = world.records[0] ?? {};
  assert.deepEqual([status, upgrade, path, code], [200, true, '/ws', undefined]);
  assert.ok(bytesIn === 17 && (bytesOut ?? 0) >= 9);
  assert.equal(world.front.upgrades, 0);
  await world.close();
});

test('bytes behind the request wait for the 101', async () => {
  const world = await frontWorld(
    upgrading((socket, request) => {
      const key = String(request.headers['sec-websocket-key']);
      assert.match(key, /^[A-Za-z0-9+/]{22}==$/);
      setImmediate(() => {
        assert.equal(socket.readableLength, 0);
        socket.write(`${switching(key)}greeting`);
        socket.on('data', (chunk: Buffer) => socket.end(`<${chunk.toString()}>`));
      });
    }),
  );
  const visitor = await http2Visitor(world);
  const stream = await connected(visitor, { 'sec-websocket-key': 'of-the-visitor' });
  stream.end('first');
  const { status, body, reset } = await answered(stream);
  assert.deepEqual([status, body, reset], [200, 'greeting<first>', 0]);
  await world.close();
});

test('a notebook that refuses is heard, and a 101 that answers another key is not believed', async () => {
  let answer = 'HTTP/1.1 403 No\r\nContent-Length: 5\r\n\r\nno ws';
  const world = await frontWorld(upgrading((socket) => void socket.write(answer)));
  const visitor = await http2Visitor(world);
  const refused = await answered(await connected(visitor));
  assert.deepEqual([refused.status, refused.body], [403, 'no ws']);
  for (const given of [switching('another'), 'HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n']) {
    answer = given;
    const { status, headers } = await answered(await connected(visitor));
    assert.deepEqual([status, headers['postern-code']], [502, 'upstream-response-invalid']);
  }
  await world.close();
});

test('another protocol, and CONNECT without one, are refused before the notebook hears of them', async () => {
  const world = await frontWorld(upgrading((socket) => socket.destroy()));
  const visitor = await http2Visitor(world);
  const other = await answered(await connected(visitor, { ':protocol': 'connect-udp' }));
  assert.deepEqual([other.status, other.headers['postern-code']], [405, 'method-refused']);
  const plain = visitor.session.request({ ':method': 'CONNECT', ':authority': HOST });
  const { status, headers } = await answered(plain);
  assert.deepEqual([status, headers['postern-code']], [405, 'method-refused']);
  assert.equal(world.opened.length, 0);
  await world.close();
});

test('when one side is torn away the other is, and a socket that breaks is no clean end', async () => {
  const sockets: Duplex[] = [];
  const world = await frontWorld(
    upgrading((socket, request) => {
      sockets.push(socket.resume());
      socket.write(switching(String(request.headers['sec-websocket-key'])));
    }),
  );
  const visitor = await http2Visitor(world);
  const left = await connected(visitor);
  await once(left, 'response');
  left.close(constants.NGHTTP2_CANCEL);
  await new Promise((resolve) => sockets[0]?.once('end', resolve).once('close', resolve));
  const torn = await connected(visitor);
  await once(torn, 'response');
  (sockets[1] as Duplex & { resetAndDestroy(): void }).resetAndDestroy();
  await once(torn.resume(), 'close');
  assert.equal(torn.rstCode, constants.NGHTTP2_CANCEL);
  assert.equal((await visitor.fetch('/')).body, 'plain', 'the connection goes on');
  await world.close();
});

function switching(key: string): string {
  const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
  return `HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`;
}

// What costs a visitor nothing and the bastion something ends the connection, in every form that is known for HTTP/2.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { constants } from 'node:http2';
import { test } from 'node:test';

import type { FrontOptions } from '../../bastion/front/front.ts';
import { acceptOf } from '../../bastion/front/websocket-key.ts';
import { frontWorld, type World } from '../support/front-world.ts';
import { http2Visitor } from '../support/http2-visitor.ts';
import {
  ACK,
  block,
  END_HEADERS,
  END_STREAM,
  frame,
  FRAME,
  GET,
  POST,
  rawHttp2,
  u32,
  type Frame,
  type Pairs,
  type RawHttp2,
} from '../support/http2-frames.ts';

const { NGHTTP2_ENHANCE_YOUR_CALM, NGHTTP2_PROTOCOL_ERROR, NGHTTP2_CANCEL } = constants;
const RESETS = { burst: 20, perSecond: 1 };
const CONTROLS = { burst: 20, perSecond: 1 };

type Limits = NonNullable<NonNullable<FrontOptions['limits']>['http2']>;

function world(http2: Limits, more: Omit<NonNullable<FrontOptions['limits']>, 'http2'> = {}): Promise<World> {
  const http = { http: (_request: unknown, response: { end(text: string): void }) => response.end('fine') };
  return frontWorld(http, { limits: { ...more, http2 } });
}

/** Sends the same again and again, until the connection ends or has stood far more than it should. */
async function flood(raw: RawHttp2, times: number, make: (turn: number) => Buffer[]): Promise<void> {
  for (let turn = 0; turn < times && !raw.socket.closed; turn += 1)
    if (!raw.write(...make(turn)) && raw.socket.writable) await Promise.race([raw.ended(), drained(raw)]);
}

function drained(raw: RawHttp2): Promise<void> {
  return new Promise((resolve) => raw.socket.once('drain', resolve));
}

/** The front still serves others. */
async function servesOthers({ fetch, records }: World): Promise<void> {
  assert.equal((await fetch('/')).body, 'fine');
  assert.ok(records.length > 0);
}

test('rapid reset (CVE-2023-44487): streams opened and reset at once', async () => {
  const front = await world({ resets: RESETS });
  const raw = await rawHttp2(front);
  await flood(raw, 500, (turn) => [
    frame(FRAME.headers, END_STREAM | END_HEADERS, 2 * turn + 1, block(GET)),
    frame(FRAME.reset, 0, 2 * turn + 1, u32(NGHTTP2_CANCEL)),
  ]);
  assert.notEqual(await raw.ended(), 0);
  assert.ok(front.opened.length <= RESETS.burst + 1, `${front.opened.length} connections to the notebook`);
  await servesOthers(front);
  await front.close();
});

test('streams that are reset one by one count as well, and a few are nothing', async () => {
  const front = await frontWorld({ http: () => {} }, { limits: { http2: { resets: RESETS } } });
  const visitor = await http2Visitor(front);
  const cancel = async (): Promise<void> => {
    const before = front.records.length;
    const stream = visitor.open('/');
    stream.close(NGHTTP2_CANCEL);
    while (front.records.length === before && !visitor.session.destroyed) await new Promise((r) => setImmediate(r));
  };
  for (let turn = 0; turn < RESETS.burst; turn += 1) await cancel();
  assert.equal(visitor.session.destroyed, false);
  for (let turn = 0; turn < 5 && !visitor.session.destroyed; turn += 1) await cancel();
  assert.equal(visitor.session.destroyed, true);
  await front.close();
});

test('made-you-reset (CVE-2025-8671): streams that the visitor makes the bastion reset', async () => {
  const front = await frontWorld({ http: () => {} }, { limits: { http2: { resets: RESETS } } });
  const raw = await rawHttp2(front);
  await flood(raw, 500, (turn) => [
    frame(FRAME.headers, END_STREAM | END_HEADERS, 2 * turn + 1, block(GET)),
    frame(FRAME.windowUpdate, 0, 2 * turn + 1, u32(0)),
  ]);
  assert.notEqual(await raw.ended(), 0);
  assert.ok(front.opened.length <= RESETS.burst + 1, `${front.opened.length} connections to the notebook`);
  await front.close();
});

test('a head of endless CONTINUATION frames', async () => {
  const front = await world({});
  const raw = await rawHttp2(front);
  raw.write(frame(FRAME.headers, END_STREAM, 1, block(GET)));
  await flood(raw, 10_000, (turn) => [frame(FRAME.continuation, 0, 1, block([[`x-${turn}`, 'y'.repeat(1000)]]))]);
  assert.notEqual(await raw.ended(), 0);
  assert.equal(front.records.length, 0);
  await servesOthers(front);
  await front.close();
});

test('PING frames', async () => {
  const front = await world({ controls: CONTROLS });
  const raw = await rawHttp2(front);
  await flood(raw, 1000, () => [frame(FRAME.ping, 0, 0, '12345678')]);
  assert.equal(await raw.ended(), NGHTTP2_ENHANCE_YOUR_CALM);
  assert.ok(raw.frames.filter(({ type, flags }) => type === FRAME.ping && flags === ACK).length <= 200);
  await servesOthers(front);
  await front.close();
});

test('SETTINGS frames', async () => {
  const front = await world({ controls: CONTROLS });
  const raw = await rawHttp2(front);
  await flood(raw, 1000, () => [frame(FRAME.settings, 0, 0, Buffer.from([0, 4, 0, 1, 0, 0]))]);
  assert.equal(await raw.ended(), NGHTTP2_ENHANCE_YOUR_CALM);
  await servesOthers(front);
  await front.close();
});

test('DATA frames without data', async () => {
  const front = await world({ invalidFrames: 50 });
  const raw = await rawHttp2(front);
  raw.headers(1, POST, END_HEADERS);
  await flood(raw, 10_000, () => [frame(FRAME.data, 0, 1)]);
  await raw.ended();
  assert.equal(raw.socket.closed, true);
  await servesOthers(front);
  await front.close();
});

test('more streams at once than allowed: who keeps to the settings waits, who does not is cut off', async () => {
  const waiting: (() => void)[] = [];
  const front = await frontWorld(
    { http: (_request, response) => void waiting.push(() => response.end('done')) },
    { limits: { http2: { streams: 3 } } },
  );
  const visitor = await http2Visitor(front);
  await once(visitor.session, 'remoteSettings');
  const answers = [1, 2, 3, 4].map(() => visitor.fetch('/'));
  while (waiting.length < 3) await new Promise((resolve) => setImmediate(resolve));
  await new Promise((resolve) => visitor.session.ping(resolve));
  assert.equal(waiting.length, 3);
  waiting.shift()?.();
  while (waiting.length < 3) await new Promise((resolve) => setImmediate(resolve));
  for (const go of waiting) go();
  assert.deepEqual(
    (await Promise.all(answers)).map(({ body }) => body),
    ['done', 'done', 'done', 'done'],
  );
  const raw = await rawHttp2(front);
  for (const stream of [1, 3, 5, 7]) raw.headers(stream);
  assert.equal(await raw.ended(), NGHTTP2_PROTOCOL_ERROR);
  await front.close();
});

test('answers that nobody reads: requests beyond the memory are reset, and the connection may go on', async () => {
  const server = createServer();
  server.on('upgrade', (request, socket) => {
    const accept = acceptOf(String(request.headers['sec-websocket-key']));
    const switching = `HTTP/1.1 101 Go\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`;
    socket.on('error', () => {}).write(Buffer.concat([Buffer.from(switching), Buffer.alloc(100_000)]));
  });
  const front = await frontWorld({ server }, { limits: { http2: { memory: 1_000_000 } } });
  const raw = await rawHttp2(front);
  const connect: Pairs = [[':method', 'CONNECT'], [':protocol', 'websocket'], ...GET.slice(1)];
  let stream = 1;
  const answers = (): Promise<Frame | undefined> =>
    raw.find((one) => one.stream === stream && (one.type === FRAME.reset || one.type === FRAME.headers));
  for (; stream < 250; stream += 2) {
    raw.headers(stream, connect, END_HEADERS);
    if ((await answers())?.type === FRAME.reset) break;
  }
  assert.equal(await raw.reset(stream), NGHTTP2_ENHANCE_YOUR_CALM);
  assert.ok(stream > 20, `after ${stream / 2} streams already`);
  assert.equal(raw.socket.closed, false);
  await front.close();
});

test('a head that is too large gets a page, and one that is far too large a reset', async () => {
  const front = await world({}, { maxHeaderBytes: 10_000 });
  const visitor = await http2Visitor(front);
  const ask = async (fields: Record<string, string | string[]>): Promise<[number, number]> => {
    const { status, reset, headers } = await visitor.fetch('/', { fields });
    if (status === 431) assert.equal(headers['postern-code'], 'header-too-large');
    return [status, reset];
  };
  assert.deepEqual(await ask({ cookie: 'x'.repeat(9000) }), [200, 0]);
  assert.deepEqual(await ask({ cookie: 'x'.repeat(10_000) }), [431, 0]);
  assert.deepEqual(await ask({ 'x-many': Array.from({ length: 300 }, () => '') }), [431, 0]);
  assert.deepEqual(await ask({ cookie: 'x'.repeat(60_000) }), [0, NGHTTP2_ENHANCE_YOUR_CALM]);
  assert.deepEqual(await ask({ 'x-many': Array.from({ length: 1000 }, () => '') }), [0, NGHTTP2_ENHANCE_YOUR_CALM]);
  await front.close();
});

test('a header bomb: a field indexed once and named a hundred thousand times', async () => {
  const front = await world({});
  const raw = await rawHttp2(front);
  const stored = Buffer.concat([
    Buffer.from([0x40, 1]),
    Buffer.from('x'),
    Buffer.from([0x7f, 0x81, 0x1e]),
    Buffer.alloc(4000, 'y'),
  ]);
  const bomb = Buffer.alloc(15_000, 0x80 | 62);
  raw.write(frame(FRAME.headers, END_STREAM, 1, block(GET)), frame(FRAME.continuation, 0, 1, stored));
  for (let turn = 0; turn < 6; turn += 1) raw.write(frame(FRAME.continuation, turn === 5 ? END_HEADERS : 0, 1, bomb));
  const outcome = await raw.find(({ type }) => type === FRAME.reset || type === FRAME.goAway);
  assert.ok(outcome !== undefined);
  assert.equal(front.records.length, 0);
  await servesOthers(front);
  await front.close();
});

test('what is no HTTP/2 ends the connection', async () => {
  const front = await world({});
  for (const bytes of [
    frame(FRAME.data, 0, 2, 'x'),
    frame(FRAME.headers, END_STREAM, 1, Buffer.from([0xff, 0xff])),
    frame(FRAME.ping, 0, 1, 'x'),
  ]) {
    const raw = await rawHttp2(front);
    raw.write(bytes);
    assert.notEqual(await raw.ended(), 0);
  }
  const raw = await rawHttp2(front);
  raw.headers(1);
  raw.headers(1);
  assert.notEqual(await raw.find(({ type }) => type === FRAME.reset || type === FRAME.goAway), undefined);
  await servesOthers(front);
  await front.close();
});

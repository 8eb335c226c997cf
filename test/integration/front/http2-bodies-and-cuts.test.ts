// Bodies over HTTP/2 flow at the pace of whoever reads, stall nobody else on the connection, and what is cut is seen to be cut.

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { constants } from 'node:http2';
import type { Socket } from 'node:net';
import { test } from 'node:test';

import { frontWorld } from '../../support/front-world.ts';
import { standstill } from '../../support/standstill.ts';
import { END_HEADERS, FRAME, GET, frame, rawHttp2, u32 } from '../../support/http2-frames.ts';
import { answered, http2Visitor } from '../../support/http2-visitor.ts';

const { NGHTTP2_CANCEL, NGHTTP2_INTERNAL_ERROR, NGHTTP2_NO_ERROR } = constants;
const MEGABYTE = randomBytes(1024 * 1024);
/** More than all buffers between the two ends hold. */
const ENOUGH = 48;

/** Once it has closed, with or without an error. */
function closed(emitter: IncomingMessage | Socket): Promise<unknown> {
  return new Promise((resolve) => emitter.on('error', () => {}).once('close', resolve));
}

function expectedHash(): string {
  const hash = createHash('sha256');
  for (let index = 0; index < ENOUGH; index += 1) hash.update(MEGABYTE);
  return hash.digest('hex');
}

test('a download waits for a visitor who does not read, others on the connection do not, and it is whole in the end', async () => {
  let sent = 0;
  const world = await frontWorld({
    http: (request, response: ServerResponse) => {
      if (request.url === '/small') return void response.end('quick');
      const more = (): void => {
        while (sent < ENOUGH) {
          sent += 1;
          if (!response.write(MEGABYTE)) return void response.once('drain', more);
        }
        response.end();
      };
      more();
    },
  });
  const visitor = await http2Visitor(world);
  visitor.session.setLocalWindowSize(1024 * 1024);
  const slow = visitor.session.request({ ':path': '/', ':authority': 'alice.notebooks.example.org' });
  await once(slow, 'response');
  const stalled = await standstill(() => sent);
  assert.ok(stalled < ENOUGH / 2, `${stalled} MiB were taken from the notebook`);
  assert.equal((await visitor.fetch('/small')).body, 'quick');
  const hash = createHash('sha256');
  for await (const chunk of slow) hash.update(chunk as Buffer);
  assert.equal(hash.digest('hex'), expectedHash());
  await world.close();
});

for (const framing of ['chunked', 'length'] as const)
  test(`an upload (${framing}) waits for a notebook that does not read, others do not, and it is whole in the end`, async () => {
    let reading: IncomingMessage | undefined;
    const hash = createHash('sha256');
    const world = await frontWorld({
      http: (request, response) => {
        if (request.url === '/small') return void request.pipe(response);
        reading = request.pause();
        request.on('data', (chunk: Buffer) => hash.update(chunk));
        request.on('end', () => response.end(hash.digest('hex')));
      },
    });
    const visitor = await http2Visitor(world);
    const length = framing === 'length' ? { 'content-length': String(ENOUGH * MEGABYTE.length) } : {};
    const slow = visitor.open('/', { ':method': 'PUT', ...length });
    const answer = answered(slow);
    let sent = 0;
    const more = (): void => {
      while (sent < ENOUGH) {
        sent += 1;
        if (!slow.write(MEGABYTE)) return void slow.once('drain', more);
      }
      slow.end();
    };
    more();
    const stalled = await standstill(() => sent);
    assert.ok(stalled < ENOUGH / 2, `${stalled} MiB were taken from the visitor`);
    const beside = await visitor.fetch('/small', { fields: { ':method': 'PUT' }, body: MEGABYTE });
    assert.equal(beside.body.length, MEGABYTE.length);
    reading?.resume();
    assert.equal((await answer).body, expectedHash());
    assert.equal(world.records.find(({ path }) => path === '/')?.bytesIn, ENOUGH * MEGABYTE.length);
    await world.close();
  });

test('events arrive one by one, as they are sent', async () => {
  let out: ServerResponse | undefined;
  const world = await frontWorld({
    http: (_request, response) => {
      out = response;
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.flushHeaders();
    },
  });
  const visitor = await http2Visitor(world);
  const stream = visitor.open('/events');
  await once(stream, 'response');
  for (const event of ['data: 1\n\n', 'data: 2\n\n', 'data: 3\n\n']) {
    out?.write(event);
    const [chunk] = (await once(stream, 'data')) as [Buffer];
    assert.equal(chunk.toString(), event);
  }
  out?.end();
  await world.close();
});

for (const [what, head] of [
  ['a length', 'Content-Length: 100\r\n'],
  ['chunks', 'Transfer-Encoding: chunked\r\n'],
] as const)
  test(`an answer with ${what} that the notebook cuts is reset behind what there was of it`, async () => {
    const world = await frontWorld({
      raw: (socket) => {
        socket.once('data', () => {
          const part = what === 'chunks' ? '4\r\npart\r\n' : 'part';
          socket.end(`HTTP/1.1 200 OK\r\n${head}\r\n${part}`);
        });
      },
    });
    const visitor = await http2Visitor(world);
    const { status, body, reset } = await visitor.fetch('/');
    assert.deepEqual([status, body, reset], [200, 'part', NGHTTP2_INTERNAL_ERROR]);
    assert.equal(world.records[0]?.code, 'upstream-closed');
    await world.close();
  });

test('a visitor who gives up a request ends it at the notebook, and only that one', async () => {
  const requests = new Map<string, IncomingMessage>();
  const world = await frontWorld({
    http: (request) =>
      void requests.set(
        request.url ?? '',
        request.on('error', () => {}),
      ),
  });
  const visitor = await http2Visitor(world);
  const [first, second] = [visitor.open('/1', { ':method': 'POST' }), visitor.open('/2')];
  while (requests.size < 2) await new Promise((resolve) => setImmediate(resolve));
  const gone = closed(requests.get('/1') as IncomingMessage);
  first.close(NGHTTP2_CANCEL);
  await gone;
  assert.equal(requests.get('/2')?.destroyed, false);
  assert.equal(second.closed, false);
  await world.close();
});

for (const method of ['PUT', 'HEAD'])
  for (const code of [NGHTTP2_CANCEL, NGHTTP2_NO_ERROR])
    test(`an upload by ${method} that the visitor cuts with code ${code} never looks complete to the notebook`, async () => {
      let text = '';
      let notebook: Socket | undefined;
      const world = await frontWorld({
        raw: (socket) => {
          notebook = socket;
          socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
        },
      });
      // Node's client would end the body before it resets the stream.
      const raw = await rawHttp2(world);
      raw.headers(1, [[':method', method], ...GET.slice(1)], END_HEADERS);
      raw.write(frame(FRAME.data, 0, 1, 'some'));
      while (!text.includes('some')) await new Promise((resolve) => setImmediate(resolve));
      const end = closed((notebook as Socket).on('end', () => notebook?.destroy()));
      raw.write(frame(FRAME.reset, 0, 1, u32(code)));
      await end;
      assert.ok(text.endsWith('\r\n\r\n4\r\nsome\r\n'), text);
      assert.equal(world.records[0]?.code, 'stream-cancelled');
      await world.close();
    });

test('an answer ahead of the end of the upload stops it, and is whole itself', async () => {
  const world = await frontWorld({ http: (_request, response) => response.writeHead(413).end('too much') });
  const visitor = await http2Visitor(world);
  const upload = visitor.open('/', { ':method': 'PUT' });
  const answer = answered(upload);
  const more = (): void => {
    while (!upload.destroyed && upload.write(MEGABYTE));
    if (!upload.destroyed) upload.once('drain', more);
  };
  more();
  const { status, body, reset } = await answer;
  assert.deepEqual([status, body, reset], [413, 'too much', NGHTTP2_NO_ERROR]);
  assert.ok((world.records[0]?.bytesIn ?? 0) < 8 * MEGABYTE.length);
  await world.close();
});

test('a visitor who leaves ends all that runs for it', async () => {
  const sockets: Socket[] = [];
  const world = await frontWorld({ raw: (socket) => void sockets.push(socket.resume()) });
  const visitor = await http2Visitor(world);
  for (const path of ['/1', '/2', '/3']) visitor.open(path);
  while (sockets.length < 3) await new Promise((resolve) => setImmediate(resolve));
  const ended = sockets.map((socket) => closed(socket.on('end', () => socket.destroy())));
  visitor.close();
  await Promise.all(ended);
  assert.deepEqual(
    world.records.map(({ code }) => code),
    ['stream-cancelled', 'stream-cancelled', 'stream-cancelled'],
  );
  await world.close();
});

test('more requests at once than there are streams for them wait for their turn, and one that gives up waiting is forgotten', async () => {
  const waiting: ServerResponse[] = [];
  const world = await frontWorld({ http: (_request, response) => void waiting.push(response) });
  const visitor = await http2Visitor(world);
  const answers = Array.from({ length: 33 }, (_, index) => visitor.fetch(`/${index}`));
  const impatient = visitor.open('/impatient');
  const last = visitor.fetch('/last');
  await standstill(() => waiting.length);
  assert.deepEqual([waiting.length, world.opened.length], [32, 32]);
  impatient.close(NGHTTP2_CANCEL);
  for (let served = 0; served < 34; served += 1) {
    while (waiting.length === 0) await new Promise((resolve) => setImmediate(resolve));
    waiting.shift()?.end('served');
  }
  assert.ok((await Promise.all([...answers, last])).every(({ body }) => body === 'served'));
  assert.equal(world.opened.length, 32);
  await world.close();
});

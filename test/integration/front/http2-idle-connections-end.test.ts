// An HTTP/2 connection on which nothing is asked ends after its time, and one on which something runs does not.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { test } from 'node:test';

import { frontWorld, HOST } from '../../support/front-world.ts';
import { http2Visitor } from '../../support/http2-visitor.ts';
import { END_STREAM, FRAME, GET, block, frame, rawHttp2 } from '../../support/http2-frames.ts';

test('an idle connection is told to go; one with a request under way is not', async () => {
  let out: ServerResponse | undefined;
  const world = await frontWorld(
    { http: (_request, response) => void (out = response) },
    { limits: { keepAliveMs: 100 } },
  );
  const [busy, idle] = [await http2Visitor(world), await http2Visitor(world)];
  const answer = busy.fetch('/');
  await once(idle.session, 'close');
  while (out === undefined) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(busy.session.closed, false);
  out.end('late');
  assert.equal((await answer).body, 'late');
  await once(busy.session, 'close');
  await world.close();
});

test('a connection that never says what it is, or stops in the middle of a head, ends', async () => {
  const world = await frontWorld({ http: () => {} }, { limits: { headersTimeoutMs: 200, keepAliveMs: 400 } });
  const silent = await world.socket(HOST, ['h2']);
  await once(silent.resume(), 'close');
  const halfway = await rawHttp2(world);
  halfway.write(frame(FRAME.headers, END_STREAM, 1, block(GET)));
  assert.equal(await halfway.ended(), 0);
  assert.equal(world.records.length, 0);
  await world.close();
});

test('PING frames do not keep a connection that asks for nothing', async () => {
  const world = await frontWorld({ http: () => {} }, { limits: { keepAliveMs: 150 } });
  const raw = await rawHttp2(world);
  const timer = setInterval(() => raw.write(frame(FRAME.ping, 0, 0, '12345678')), 20);
  assert.equal(await raw.ended(), 0);
  clearInterval(timer);
  await world.close();
});

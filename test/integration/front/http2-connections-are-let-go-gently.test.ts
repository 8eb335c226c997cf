// A front that closes tells HTTP/2 visitors by GOAWAY: what runs is finished until the deadline, and nothing is lost that was not begun.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { constants } from 'node:http2';
import { test } from 'node:test';

import { frontWorld } from '../../support/front-world.ts';
import { answered, http2Visitor } from '../../support/http2-visitor.ts';
import { FRAME, rawHttp2 } from '../../support/http2-frames.ts';

test('idle connections go at once, a running answer is finished, and then the front is closed', async () => {
  let out: ServerResponse | undefined;
  const world = await frontWorld({
    http: (_request, response) => {
      out = response;
      response.write('begin ');
    },
  });
  const [busy, idle] = [await http2Visitor(world), await http2Visitor(world)];
  await once(idle.session, 'remoteSettings');
  const running = busy.open('/');
  const answer = answered(running);
  await once(running, 'response');
  const left = [once(idle.session, 'goaway'), once(busy.session, 'goaway'), once(idle.session, 'close')];
  let settled = 0;
  const closed = world.front.close(60_000, () => (settled += 1));
  await Promise.all(left);
  assert.equal(busy.session.destroyed, false);
  await assert.rejects(world.socket());
  out?.end('end');
  const { body, reset } = await answer;
  assert.deepEqual([body, reset], ['begin end', 0]);
  await closed;
  assert.equal(settled, 1);
  await world.close();
});

test('GOAWAY names the last request that was taken; those after it were not begun', async () => {
  const waiting: ServerResponse[] = [];
  const world = await frontWorld({ http: (_request, response) => void waiting.push(response) });
  const raw = await rawHttp2(world);
  raw.headers(1);
  while (waiting.length === 0) await new Promise((resolve) => setImmediate(resolve));
  const closed = world.front.close(60_000);
  const goAway = await raw.find(({ type }) => type === FRAME.goAway);
  assert.deepEqual([goAway?.payload.readUInt32BE(0), goAway?.payload.readUInt32BE(4)], [1, 0]);
  raw.headers(3);
  waiting[0]?.end('done');
  assert.equal(await raw.ended(), 0);
  await closed;
  assert.equal(waiting.length, 1);
  await world.close();
});

test('at the deadline the rest is cut', async () => {
  const world = await frontWorld({ http: (_request, response) => void response.write('begin ') });
  const visitor = await http2Visitor(world);
  const running = visitor.open('/');
  const cut = answered(running);
  await once(running, 'response');
  await world.front.close(50);
  assert.notEqual((await cut).reset, constants.NGHTTP2_NO_ERROR);
  assert.equal(world.records[0]?.code, 'stream-cancelled');
  await world.close();
});

test('requests that wait for the beginning of an answer over a lost link, or for their turn, are told so; the others go on', async () => {
  const waiting: ServerResponse[] = [];
  const world = await frontWorld({
    http: (request, response) => {
      if (request.url === '/begun') return void response.write('begun ');
      return void waiting.push(response);
    },
  });
  const visitor = await http2Visitor(world);
  const begun = visitor.open('/begun');
  await once(begun, 'response');
  const answers = Array.from({ length: 40 }, () => visitor.fetch('/'));
  while (waiting.length < 31) await new Promise((resolve) => setImmediate(resolve));
  world.front.giveUpWaiting(new Set([world.tunnel]), 0);
  for (const { status, headers } of await Promise.all(answers))
    assert.deepEqual([status, headers['postern-code']], [503, 'tunnel-paused']);
  assert.equal(begun.closed, false);
  await world.close();
});

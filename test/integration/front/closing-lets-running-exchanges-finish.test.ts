// A front that closes takes nobody new, lets what runs finish until the deadline, and then ends the rest.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Agent, request as httpsRequest } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { test } from 'node:test';

import { frontWorld, whole, type World } from '../../support/front-world.ts';

async function running(): Promise<{ world: World; response: IncomingMessage; out: ServerResponse }> {
  let out: ServerResponse | undefined;
  const world = await frontWorld({
    http: (_request, response) => {
      out = response;
      response.write('begin ');
    },
  });
  const asked = httpsRequest(world.options('/', { agent: new Agent({ keepAlive: true }) })).end();
  const [response] = (await once(asked, 'response')) as [IncomingMessage];
  return { world, response, out: out as ServerResponse };
}

test('a running answer is finished, and then the front is closed', async () => {
  const { world, response, out } = await running();
  const closed = world.front.close(60_000);
  await assert.rejects(world.fetch('/'));
  out.end('end');
  assert.equal((await whole(response)).body, 'begin end');
  await closed;
  await world.close();
});

test('at the deadline the rest is cut', async () => {
  const { world, response } = await running();
  const cut = whole(response);
  cut.catch(() => {});
  await world.front.close(50);
  await assert.rejects(cut);
  await world.close();
});

test('idle connections are served for a moment more, then they end, and closing twice is closing once', async () => {
  const world = await frontWorld({ http: (_request, response) => response.end('hello') });
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  assert.equal((await world.fetch('/', { agent })).headers.connection, 'keep-alive');
  const unused = await world.socket();
  const ended = once(unused.resume(), 'end');
  let settled = 0;
  const closed = Promise.all([world.front.close(60_000, () => (settled += 1)), world.front.close(60_000)]);
  const late = await world.fetch('/', { agent });
  assert.deepEqual([late.status, late.body, late.headers.connection], [200, 'hello', 'close']);
  assert.equal(settled, 0, 'the other connection may still be used');
  await Promise.all([closed, ended]);
  assert.equal(settled, 1);
  world.front.destroy();
  await world.close();
});

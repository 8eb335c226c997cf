// One stream serves the requests of one visitor connection, and never those of another or of another identity.

import assert from 'node:assert/strict';
import { Agent } from 'node:https';
import { test } from 'node:test';

import { everything, frontWorld } from '../../support/front-world.ts';

const hello = { http: (_request: unknown, response: { end(text: string): void }) => response.end('hello') } as const;

test('requests of one connection share a stream, connections do not', async () => {
  const world = await frontWorld(hello);
  const agents = [new Agent({ keepAlive: true, maxSockets: 1 }), new Agent({ keepAlive: true, maxSockets: 1 })];
  for (const agent of [...agents, ...agents, ...agents]) await world.fetch('/', { agent });
  assert.equal(world.opened.length, 2);
  for (const agent of agents) agent.destroy();
  await world.close();
});

test('when the identity on a connection changes, so does the stream', async () => {
  const gate = {
    admit: ({ headers }: { headers: Record<string, unknown> }) => ({
      visitor: String(headers['x-who']),
      role: 'owner' as const,
      groups: [],
      inject: false,
      dropAuthorization: false,
    }),
  };
  const world = await frontWorld(hello, { gate });
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  for (const who of ['alice', 'alice', 'bob']) await world.fetch('/', { agent, headers: { 'x-who': who } });
  assert.equal(world.opened.length, 2);
  agent.destroy();
  await world.close();
});

test('the streams of a visitor who leaves are closed', async () => {
  const world = await frontWorld(hello);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  await world.fetch('/', { agent });
  const closed = new Promise((resolve) => world.opened[0]?.once('close', resolve));
  assert.equal(world.opened[0]?.destroyed, false);
  agent.destroy();
  await closed;
  await world.close();
});

test('a response with bytes behind it is delivered, and its stream never used again', async () => {
  const world = await frontWorld({
    raw: (socket) =>
      socket.on('data', () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 EVIL\r\n\r\n')),
  });
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  for (let round = 0; round < 3; round += 1) assert.equal((await world.fetch('/', { agent })).body, 'ok');
  assert.equal(world.opened.length, 3);
  agent.destroy();
  await world.close();
});

test('pipelined requests are answered in their order over one stream, sixteen may wait, and more end the connection', async () => {
  const world = await frontWorld({ http: (request, response) => response.end(`<${request.url}>`) });
  const ask = (path: string, last = false): string =>
    `GET ${path} HTTP/1.1\r\nHost: alice.notebooks.example.org\r\n${last ? 'Connection: close\r\n' : ''}\r\n`;
  const some = await world.socket();
  some.write(Array.from({ length: 10 }, (_, index) => ask(`/${index}`, index === 9)).join(''));
  const answers = (await everything(some)).match(/<[^>]*>/g);
  assert.deepEqual(
    answers,
    Array.from({ length: 10 }, (_, index) => `</${index}>`),
  );
  assert.equal(world.opened.length, 1);
  const many = await world.socket();
  many.write(Array.from({ length: 40 }, (_, index) => ask(`/${index}`)).join(''));
  const text = await everything(many);
  assert.equal(text.match(/<\/\d+>/g)?.length, 17);
  assert.match(text, /HTTP\/1\.1 400 [^]*pipeline-limit/);
  await world.close();
});

// What a stranger can send before TLS has begun: bounded in time, in size, and for all strangers together.

import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { test } from 'node:test';

import { DOMAIN, everything, frontWorld, HOST, type World } from '../support/front-world.ts';
import { hello, inRecords } from '../support/hellos.ts';

const page = { http: (_request: unknown, response: { end(text: string): void }) => response.end('ok') };
const alert = (description: number): string => Buffer.from([21, 3, 3, 0, 2, 2, description]).toString('latin1');

function dial(world: World, bytes: Buffer): Socket {
  const socket = connect({ port: world.port, host: '127.0.0.1', noDelay: true });
  socket.on('error', () => {});
  if (bytes.length > 0) socket.write(bytes);
  return socket;
}

test('a hello that never becomes whole is given up after its time, however busy it looks', async () => {
  const world = await frontWorld(page, { limits: { helloTimeoutMs: 150 } });
  const silent = dial(world, Buffer.alloc(0));
  const slow = dial(world, Buffer.alloc(0));
  const bytes = inRecords(hello(HOST));
  let at = 0;
  const drip = setInterval(() => slow.write(bytes.subarray(at, ++at)), 5);
  assert.deepEqual(await Promise.all([everything(silent), everything(slow)]), ['', '']);
  clearInterval(drip);
  assert.ok(at < bytes.length, 'it was still being sent');
  assert.deepEqual(
    world.records.map(({ code }) => code),
    ['hello-timeout', 'hello-timeout'],
  );
  assert.equal((await world.fetch('/')).body, 'ok');
});

test('a hello that is too large is refused with an alert', async () => {
  const world = await frontWorld(page);
  assert.equal(await everything(dial(world, inRecords(hello(HOST, 20_000)))), alert(50));
  // No length is said here: the records alone are too many.
  assert.equal(await everything(dial(world, inRecords(hello(HOST, 16_000), [1]))), alert(50));
  assert.deepEqual(
    world.records.map(({ code }) => code),
    ['hello-too-large', 'hello-too-large'],
  );
});

test('unfinished hellos of all strangers together are bounded, and others get in', async () => {
  const world = await frontWorld(page, { limits: { helloBytes: 20_000 } });
  const unfinished = inRecords(hello(HOST, 15_000)).subarray(0, 9_000);
  const first = dial(world, unfinished);
  const second = dial(world, unfinished);
  const refused = await Promise.race([first, second, dial(world, unfinished)].map((socket) => everything(socket)));
  assert.equal(refused, alert(80));
  assert.equal(world.records[0]?.code, 'hello-limit');
  assert.equal((await world.fetch('/')).body, 'ok');
  for (const socket of [first, second]) socket.destroy();
});

test('what is no hello at all is answered by the TLS server, and disturbs nobody', async () => {
  const world = await frontWorld(page);
  const [http, noise] = await Promise.all(
    [Buffer.from('GET / HTTP/1.1\r\n\r\n'), Buffer.alloc(3000, 0x55)].map((bytes) => everything(dial(world, bytes))),
  );
  assert.ok(http !== undefined && (http === '' || http.charCodeAt(0) === 21), JSON.stringify(http));
  assert.ok(noise !== undefined && (noise === '' || noise.charCodeAt(0) === 21), JSON.stringify(noise));
  assert.equal((await world.fetch('/')).body, 'ok');
});

test('server names that are no host names of ours lead nowhere new', async () => {
  const world = await frontWorld(page, { tunnel: { passesThrough: () => true } });
  for (const name of [`${HOST}:443`, `alice\0.${DOMAIN}`, `.${DOMAIN}`, `x.${HOST}`, '*', 'alice']) {
    const answer = await everything(dial(world, inRecords(hello(name))));
    assert.equal(answer.charCodeAt(0), 21, JSON.stringify(name));
  }
  assert.equal(world.opened.length, 0);
});

// A connection that is cut: the other end sees a reset, and the socket closes whatever it was doing.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { duplexPair } from 'node:stream';
import { test, type TestContext } from 'node:test';

import { cut } from '../../../shared/net/cut.ts';

/** Both ends of a TCP connection. */
async function pair(t: TestContext): Promise<[near: Socket, far: Socket]> {
  const server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const near = connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', allowHalfOpen: true });
  const [[far]] = (await Promise.all([once(server, 'connection'), once(near, 'connect')])) as [[Socket], unknown];
  t.after(() => {
    near.destroy();
    far.destroy();
    server.close();
  });
  return [near, far];
}

test('an open connection is reset', async (t) => {
  const [near, far] = await pair(t);
  near.write('some');
  await once(far, 'data');
  cut(near);
  const [error] = (await once(far, 'error')) as [NodeJS.ErrnoException];
  assert.equal(error.code, 'ECONNRESET');
  assert.ok(near.destroyed);
  cut(near);
});

test('one with bytes that nobody reads is reset, its end asked for or not', async (t) => {
  for (const ended of [false, true]) {
    const [near, far] = await pair(t);
    near.on('error', () => {});
    near.write(Buffer.alloc(30_000_000));
    if (ended) near.end();
    cut(near);
    await once(near, 'close');
    far.resume();
    const [error] = (await once(far, 'error')) as [NodeJS.ErrnoException];
    assert.equal(error.code, 'ECONNRESET');
  }
});

test('one whose end is just being sent closes all the same', async (t) => {
  const [near, far] = await pair(t);
  near.end();
  cut(near);
  await once(near, 'close');
  far.resume();
  await once(far, 'end');
});

test('a duplex that is no TCP is destroyed', async () => {
  const [near] = duplexPair();
  cut(near);
  assert.ok(near.destroyed);
});

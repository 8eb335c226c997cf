// A stream and its connection to the notebook are one: bytes, ends, and failures with their codes.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { duplexPair } from 'node:stream';
import { text } from 'node:stream/consumers';
import test from 'node:test';

import { PosternError } from '../../../shared/errors.ts';
import { outcome, serveWorld } from '../../support/serve-world.ts';

test('each direction ends by itself', async () => {
  await using world = await serveWorld();
  const stream = world.open();
  stream.end('question');
  const socket = await world.server.accepted();
  assert.equal(await text(socket), 'question');
  socket.end('answer');
  assert.deepEqual(await outcome(stream), { bytes: 'answer', end: 'end' });
  await closed(world);
});

test('a megabyte each way arrives unchanged, at the same time', async () => {
  await using world = await serveWorld();
  const { stream, socket } = await world.joined();
  const up = 'u'.repeat(1_000_000);
  const down = 'd'.repeat(1_500_000);
  stream.end(up);
  socket.end(down);
  const [received, answer] = await Promise.all([text(socket), outcome(stream)]);
  assert.ok(received === up);
  assert.ok(answer.bytes === down && answer.end === 'end');
});

test('a service that is not offered is refused', async () => {
  await using world = await serveWorld();
  assert.equal((await outcome(world.open('other'))).end, 'service-unknown');
});

test('nobody listening: starting, refused or ended, by what the agent knows', async () => {
  await using world = await serveWorld();
  await world.server.stopListening();
  for (const [phase, code] of [
    ['starting', 'upstream-not-ready'],
    ['ready', 'upstream-refused'],
    ['exited', 'upstream-exited'],
  ] as const) {
    world.phase = phase;
    assert.equal((await outcome(world.open())).end, code);
  }
});

test('a notebook that starts may be visited as soon as it listens', async () => {
  await using world = await serveWorld();
  world.phase = 'starting';
  const { stream, socket } = await world.joined();
  socket.end('early');
  assert.equal((await outcome(stream)).bytes, 'early');
});

test('a notebook that does not accept in time is given up', async () => {
  let aborted: unknown;
  const dialled = Promise.withResolvers<void>();
  await using world = await serveWorld({
    label: 'x',
    dial: (signal) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject((aborted = signal.reason) as Error));
        dialled.resolve();
      }),
  });
  const stream = world.open();
  await dialled.promise;
  await world.clock.advance(9_999);
  assert.equal(aborted, undefined);
  await world.clock.advance(1);
  assert.equal((await outcome(stream)).end, 'upstream-timeout');
});

test('a visitor who leaves while the notebook is dialled ends the dial', async () => {
  const dialled = Promise.withResolvers<AbortSignal>();
  await using world = await serveWorld({
    label: 'x',
    dial: (signal) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason as Error));
        dialled.resolve(signal);
      }),
  });
  const stream = world.open();
  const signal = await dialled.promise;
  stream.destroy();
  await once(signal, 'abort');
  assert.equal((signal.reason as PosternError).code, 'stream-cancelled');
  assert.equal(world.clock.pending, 0);
});

test('a reset by the notebook is a reset, after what it had sent', async () => {
  await using world = await serveWorld();
  const { stream, socket } = await world.joined();
  socket.write('half an ans');
  const first = (await once(stream, 'data'))[0] as Buffer;
  socket.resetAndDestroy();
  const rest = await outcome(stream);
  assert.deepEqual([String(first) + rest.bytes, rest.end], ['half an ans', 'upstream-closed']);
});

test('a visitor who leaves resets the connection to the notebook', async () => {
  await using world = await serveWorld();
  const { stream, socket } = await world.joined();
  const failed = once(socket, 'error');
  stream.destroy();
  assert.equal(((await failed)[0] as NodeJS.ErrnoException).code, 'ECONNRESET');
  await closed(world);
});

test('an answer that ended before the upload failed arrives whole', async () => {
  const [notebook, seenByAgent] = duplexPair();
  await using world = await serveWorld({ label: 'x', dial: () => Promise.resolve(seenByAgent) });
  const stream = world.open();
  stream.write('an upload');
  await once(notebook, 'data');
  // More than the visitor, who does not read yet, has given credit for.
  const chunk = 'x'.repeat(16_000);
  for (let count = 0; count < 18; count += 1) notebook.write(chunk);
  notebook.end();
  await once(seenByAgent, 'end');
  seenByAgent.destroy(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));
  await new Promise((resolve) => seenByAgent.once('close', resolve));
  assert.equal((await outcome(stream)).bytes.length, 18 * chunk.length);
});

test('a slow visitor holds the notebook back, and another stream goes on', async () => {
  await using world = await serveWorld();
  const slow = await world.joined();
  slow.socket.on('error', () => {});
  while (slow.socket.write(Buffer.alloc(65_536))) await new Promise((resolve) => setImmediate(resolve));
  const quick = await world.joined();
  quick.socket.end('quick');
  assert.equal((await outcome(quick.stream)).bytes, 'quick');
  assert.ok(slow.socket.writableNeedDrain);
});

test('the end of the session resets every connection', async () => {
  await using world = await serveWorld();
  const first = await world.joined();
  const second = await world.joined();
  const failures = [first, second].map(({ socket }) => once(socket, 'error'));
  world.agentSession.destroy(new PosternError('link-closed'));
  await Promise.all(failures);
  await closed(world);
});

async function closed(world: Awaited<ReturnType<typeof serveWorld>>): Promise<void> {
  while ((await world.server.connections()) > 0) await new Promise((resolve) => setImmediate(resolve));
}

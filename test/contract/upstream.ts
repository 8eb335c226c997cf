// The contract suite of the seam "what the notebook is": what everything that an agent can dial must keep.

import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import test from 'node:test';

import { ERRORS, PosternError } from '../../shared/errors.ts';
import type { Upstream } from '../../agent/upstreams/upstream.ts';

export interface UpstreamWorld {
  readonly upstream: Upstream;
  /** The server's side of the next connection. */
  accepted(): Promise<Socket>;
  /** Connections that the server has now. */
  connections(): Promise<number>;
  /** The server stops listening; what is connected stays. */
  stopListening(): Promise<void>;
  close(): Promise<void>;
}

const UPSTREAM_CODES = new Set(ERRORS.filter(({ wire }) => wire >= 1200 && wire < 1300).map(({ code }) => code));

/** Runs the suite for one implementation. */
export function upstreamContract(label: string, open: () => Promise<UpstreamWorld>): void {
  const using = (name: string, body: (world: UpstreamWorld) => Promise<void>): void => {
    test(`${label}: ${name}`, async () => {
      const world = await open();
      try {
        await body(world);
      } finally {
        await world.close();
      }
    });
  };
  const never = new AbortController().signal;

  using('every dial is a connection of its own', async ({ upstream, accepted, connections }) => {
    const first = await upstream.dial(never);
    await accepted();
    const second = await upstream.dial(never);
    await accepted();
    assert.notEqual(first, second);
    assert.equal(await connections(), 2);
    first.destroy();
    second.destroy();
  });

  using('each direction ends by itself', async ({ upstream, accepted }) => {
    const socket = await upstream.dial(never);
    const server = await accepted();
    assert.equal(socket.allowHalfOpen, true);
    socket.end('question');
    assert.equal(await text(server), 'question');
    server.end('answer');
    assert.equal(await text(socket), 'answer');
  });

  using('large and small reads arrive unchanged', async ({ upstream, accepted }) => {
    const socket = await upstream.dial(never);
    const server = await accepted();
    const sent = Array.from({ length: 400 }, (_, index) => Buffer.alloc(1 + ((index * 7919) % 30_000), index));
    for (const chunk of sent) server.write(chunk);
    server.end();
    const received: Buffer[] = [];
    for await (const chunk of socket) received.push(chunk as Buffer);
    assert.ok(Buffer.concat(received).equals(Buffer.concat(sent)));
    socket.end();
  });

  using('a reader that waits makes the server wait', async ({ upstream, accepted }) => {
    const socket = await upstream.dial(never);
    const server = await accepted();
    server.on('error', () => {});
    while (server.write(Buffer.alloc(65_536))) await new Promise((resolve) => setImmediate(resolve));
    assert.ok(socket.readableLength <= 2 * 65_536, `${socket.readableLength} bytes were read ahead`);
    socket.destroy();
  });

  using('nobody there is upstream-refused', async ({ upstream, stopListening }) => {
    await stopListening();
    await assert.rejects(upstream.dial(never), { code: 'upstream-refused' });
  });

  using('an abort before the dial rejects with its reason and leaves no socket', async (world) => {
    const reason = new PosternError('upstream-timeout');
    await assert.rejects(world.upstream.dial(AbortSignal.abort(reason)), reason);
    assert.equal(await world.connections(), 0);
  });

  using('an abort during the dial leaves no socket, and rejects with a code of ours', async (world) => {
    const abort = new AbortController();
    const dialled = world.upstream.dial(abort.signal);
    abort.abort(new Error('not one of ours'));
    await assert.rejects(dialled, (error) => error instanceof PosternError && UPSTREAM_CODES.has(error.code));
    while ((await world.connections()) > 0) await new Promise((resolve) => setImmediate(resolve));
  });

  using('an abort after the dial means nothing', async ({ upstream, accepted }) => {
    const abort = new AbortController();
    const socket = await upstream.dial(abort.signal);
    const server = await accepted();
    abort.abort();
    server.end('still here');
    assert.equal(await text(socket), 'still here');
    socket.end();
  });

  using('an error before anybody listens for it does not end the process', async ({ upstream, accepted }) => {
    const socket = await upstream.dial(never);
    const server = await accepted();
    server.destroy();
    socket.write('x');
    socket.resume();
    socket.destroy(new Error('nobody listens'));
    await new Promise((resolve) => socket.once('close', resolve));
  });

  using('the label holds no secret and names the kind', async ({ upstream }) => {
    assert.match(upstream.label, /^(unix:\/|https?:\/\/[^@/]+$)/);
  });
}

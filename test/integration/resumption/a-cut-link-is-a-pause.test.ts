// A link that breaks is replaced, and everything under way goes on: nothing is lost, repeated or reordered.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { request } from 'node:https';
import type { Socket } from 'node:net';
import { test } from 'node:test';

import { lookup } from '../../../shared/net/resolve.ts';
import { DOMAIN, eventually } from '../../support/bastion-world.ts';
import { resumingWorld, type ResumingWorld } from '../../support/resuming-world.ts';

const MIB = 2 ** 20;
const HOST = `demo.${DOMAIN}`;

function ask({ bastion, ca }: ResumingWorld, method: string, headers: Record<string, string> = {}) {
  return request({ host: HOST, port: bastion.port, path: '/', method, headers, ca, lookup, agent: false });
}

async function hashOf(source: AsyncIterable<unknown> | Iterable<unknown>): Promise<{ hash: string; bytes: number }> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of source) {
    hash.update(chunk as Buffer);
    bytes += (chunk as Buffer).length;
  }
  return { hash: hash.digest('hex'), bytes };
}

/** Bytes that tell where they belong, so that a hash sees any reordering. */
function* numbered(total: number): Generator<Buffer> {
  for (let sent = 0; sent < total; sent += 65_536) {
    const chunk = Buffer.alloc(65_536, sent / 65_536);
    chunk.writeUInt32BE(sent / 65_536);
    yield chunk;
  }
}

test('a download cut twenty times arrives whole, in one response', async (t) => {
  const notebook = createServer((_request, response) => {
    const chunks = numbered(64 * MIB);
    const more = (): void => {
      for (;;) {
        const { done, value } = chunks.next();
        if (done === true) return void response.end();
        if (!response.write(value)) return void response.once('drain', more);
      }
    };
    more();
  });
  const world = await resumingWorld(t, notebook);
  world.relay.cutEvery(3 * MIB);
  const asked = ask(world, 'GET').end();
  const [response] = (await once(asked, 'response')) as [IncomingMessage];
  assert.equal(response.statusCode, 200);
  const got = await hashOf(response);
  assert.equal(got.bytes, 64 * MIB);
  assert.equal(got.hash, (await hashOf(numbered(64 * MIB))).hash);
  assert.ok(world.relay.cuts >= 20, `${world.relay.cuts} cuts`);
  assert.equal(world.pauses.filter((pause) => pause === 'resumed').length, world.relay.cuts);
});

test('an upload cut twenty times arrives whole, in one request', async (t) => {
  let received: ReturnType<typeof hashOf> | undefined;
  const notebook = createServer((incoming, response) => {
    received = hashOf(incoming);
    void received.then(() => response.end('thanks'));
  });
  const world = await resumingWorld(t, notebook);
  world.relay.cutEvery(1.5 * MIB);
  const asked = ask(world, 'PUT', { 'content-length': String(32 * MIB) });
  const answered = once(asked, 'response');
  for (const chunk of numbered(32 * MIB)) if (!asked.write(chunk)) await once(asked, 'drain');
  asked.end();
  const [response] = (await answered) as [IncomingMessage];
  assert.equal(response.statusCode, 200);
  assert.deepEqual(await received, await hashOf(numbered(32 * MIB)));
  assert.ok(world.relay.cuts >= 20, `${world.relay.cuts} cuts`);
});

test('an upgraded connection cut twenty times loses, repeats and reorders nothing', async (t) => {
  const notebook = createServer();
  notebook.on('upgrade', (_request, socket: Socket) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n');
    socket.on('error', () => {}).pipe(socket);
  });
  const world = await resumingWorld(t, notebook);
  const asked = ask(world, 'GET', { connection: 'upgrade', upgrade: 'echo' }).end();
  const [, socket] = (await once(asked, 'upgrade')) as [IncomingMessage, Socket];
  const rounds = 20;
  let echoed = '';
  socket.setEncoding('latin1').on('data', (text: string) => (echoed += text));
  let sent = '';
  for (let round = 0; round < rounds; round++) {
    const words = Array.from({ length: 50 }, (_, word) => `${round}.${word} `).join('');
    sent += words;
    socket.write(words);
    world.relay.cut();
    socket.write(`cut ${round} `);
    sent += `cut ${round} `;
    await eventually(() => echoed.length === sent.length, `everything of round ${round} comes back`);
  }
  assert.equal(echoed, sent);
  assert.ok(world.relay.cuts >= rounds);
  socket.destroy();
});

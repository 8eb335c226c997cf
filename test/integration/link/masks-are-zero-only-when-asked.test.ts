// The all-zero mask: on the wire when asked for, and never outside TLS.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import test from 'node:test';

import { PosternError } from '../../../shared/errors.ts';
import { dialLink } from '../../../shared/link/dial.ts';
import { KIND, writeLinkHeader } from '../../../shared/link/link-header.ts';
import { SUBPROTOCOL } from '../../../shared/wire/handshake.ts';
import { numbered } from '../../support/link-recorder.ts';
import { LinkWorld } from '../../support/link-world.ts';

function answer(key: string): string {
  const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
  const lines = ['HTTP/1.1 101 Switching Protocols', 'Upgrade: websocket', 'Connection: Upgrade'];
  return [...lines, `Sec-WebSocket-Accept: ${accept}`, `Sec-WebSocket-Protocol: ${SUBPROTOCOL}`, '', ''].join('\r\n');
}

/** Masks of the first frames that a dialling link sends, and their payloads as they are on the wire. */
async function framesOf(socket: Duplex, count: number): Promise<{ mask: Buffer; payload: Buffer }[]> {
  let bytes = Buffer.alloc(0);
  const frames: { mask: Buffer; payload: Buffer }[] = [];
  while (frames.length < count) {
    // FIN, binary; MASK, a length below 126; mask; payload.
    while (bytes.length >= 6 && bytes.length >= 6 + (bytes[1]! & 0x7f)) {
      assert.deepEqual([bytes[0], bytes[1]! & 0x80], [0x82, 0x80]);
      const end = 6 + (bytes[1]! & 0x7f);
      frames.push({ mask: bytes.subarray(2, 6), payload: bytes.subarray(6, end) });
      bytes = bytes.subarray(end);
    }
    if (frames.length < count) bytes = Buffer.concat([bytes, (await once(socket, 'data'))[0] as Buffer]);
  }
  return frames;
}

const messages = [0, 1, 2, 3].map((number) => numbered(number, 50));
const expected = messages.map((message) => {
  const copy = Buffer.from(message);
  writeLinkHeader(copy, KIND.COUNTED, 0);
  return copy;
});

function unmasked({ mask, payload }: { mask: Buffer; payload: Buffer }): Buffer {
  return Buffer.from(payload.map((byte, index) => byte ^ mask[index % 4]!));
}

for (const zeroMask of [true, false])
  test(`over TLS with zeroMask ${zeroMask}, masks are ${zeroMask ? 'zeros' : 'random'}`, async () => {
    const world = await LinkWorld.start();
    const raw = new Promise<Duplex>((resolve) => {
      world.onUpgrade = (request, socket) => {
        socket.write(answer(request.headers['sec-websocket-key']!));
        resolve(socket);
      };
    });
    const { link } = await dialLink(world.options({ zeroMask }));
    for (const message of messages) link.send(message);
    const frames = await framesOf(await raw, messages.length);
    assert.deepEqual(frames.map(unmasked), expected);
    const zeros = frames.filter(({ mask }) => mask.equals(Buffer.alloc(4))).length;
    assert.equal(zeros, zeroMask ? messages.length : 0);
    link.destroy(new PosternError('link-closed'));
    await world.close();
  });

test('without TLS masks are random even when zeros are asked for', async (t) => {
  const world = new LinkWorld();
  const server = createServer((socket) => {
    socket.once('data', (head) => {
      socket.write(answer(/sec-websocket-key: (\S+)/i.exec(head.toString())![1]!));
      server.emit('upgraded', socket);
    });
  });
  t.after(() => server.close());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const upgraded = once(server, 'upgraded');
  const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const { link } = await dialLink({ ...world.options({ port: 1 }), url, ca: undefined, zeroMask: true });
  for (const message of messages) link.send(message);
  const frames = await framesOf((await upgraded)[0] as Duplex, messages.length);
  assert.deepEqual(frames.map(unmasked), expected);
  assert.ok(frames.every(({ mask }) => !mask.equals(Buffer.alloc(4))));
  link.destroy(new PosternError('link-closed'));
});

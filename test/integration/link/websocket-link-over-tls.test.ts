// The link over real WebSockets, TLS and TCP keeps the contract of links, through a relay that can break them.

import assert from 'node:assert/strict';
import test from 'node:test';

import { PosternError } from '../../../shared/errors.ts';
import { acceptCarrier } from '../../../shared/link/accept.ts';
import { dialCarrier } from '../../../shared/link/dial.ts';
import { KIND, writeLinkHeader } from '../../../shared/link/link-header.ts';
import { WebSocketLink, type Carrier } from '../../../shared/link/websocket-link.ts';
import { linkContract } from '../../contract/link.ts';
import { LinkRecorder, numbered } from '../../support/link-recorder.ts';
import { eventually, LinkWorld, MAX_MESSAGE } from '../../support/link-world.ts';
import { TcpRelay } from '../../support/tcp-relay.ts';

for (const zeroMask of [true, false])
  linkContract(`WebSocket link over TLS, ${zeroMask ? 'zero' : 'random'} masks`, async () => {
    const world = await LinkWorld.start();
    const relay = await TcpRelay.start({ target: world.port });
    const grace = { graceMs: 60_000 };
    world.accepting = grace;
    const [near, far] = await world.pair({ zeroMask, port: relay.port, link: grace });
    return {
      near,
      far,
      until: eventually,
      replace: async () => {
        relay.cut();
        await eventually(() => near.waiting && far.waiting);
        const arrived = new Promise<Carrier>((resolve, reject) => {
          world.onUpgrade = (request, socket, head) => {
            acceptCarrier(request, socket, head, { headers: {}, maxMessage: MAX_MESSAGE }).then(resolve, reject);
          };
        });
        const { carrier } = await dialCarrier(world.options({ zeroMask, port: relay.port }));
        const [ofNear, ofFar] = [near.received, far.received];
        far.resume(await arrived, ofNear);
        near.resume(carrier, ofFar);
      },
      close: async () => {
        for (const link of [near, far]) link.destroy(new PosternError('link-closed'));
        await relay.close();
        await world.close();
      },
    };
  });

test('close leaves no connection behind, whichever end says it', async () => {
  const world = await LinkWorld.start();
  for (const closer of [0, 1] as const) {
    const links = await world.pair();
    const recorders = links.map((link) => new LinkRecorder(link));
    links[closer].destroy(new PosternError('draining'));
    await eventually(() => recorders.every(({ closes }) => closes.length > 0));
    assert.equal(recorders[1 - closer]!.closes[0]!.code, 'draining');
    await eventually(() => world.connections === 0);
  }
  await world.close();
});

test('a message longer than agreed ends the link with its code', async () => {
  const world = await LinkWorld.start();
  const [near, far] = await world.pair();
  const [nearRecorder, farRecorder] = [new LinkRecorder(near), new LinkRecorder(far)];
  near.send(numbered(0, MAX_MESSAGE));
  await eventually(() => farRecorder.closes.length > 0);
  assert.equal(farRecorder.closes[0]?.code, 'message-too-large');
  await eventually(() => nearRecorder.closes.length > 0 && world.connections === 0);
  await world.close();
});

test('broken WebSocket framing ends the link as a protocol error', async () => {
  const world = await LinkWorld.start();
  const carrier = dialCarrier(world.options());
  await eventually(() => world.accepted.length > 0);
  const recorder = new LinkRecorder(world.accepted[0]);
  (await carrier).carrier.socket.write(Buffer.alloc(100, 0xff));
  await eventually(() => recorder.closes.length > 0);
  assert.equal(recorder.closes[0]?.code, 'protocol-error');
  (await carrier).carrier.webSocket.terminate();
  await world.close();
});

test('a slow line makes the link unwritable, and drain tells when it is writable again', async () => {
  const world = await LinkWorld.start();
  const relay = await TcpRelay.start({ target: world.port, bandwidth: 20_000, queueBytes: 100_000 });
  const [near, far] = await world.pair({ port: relay.port });
  const [nearRecorder, farRecorder] = [new LinkRecorder(near), new LinkRecorder(far)];
  let number = 0;
  // The kernel's buffers take some megabytes first.
  for (; near.writable; number++) {
    near.send(numbered(number, 16_000));
    if (number % 16 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  const drains = nearRecorder.drains;
  await eventually(() => near.writable && nearRecorder.drains > drains, 20_000);
  await eventually(() => farRecorder.messages.length === number, 20_000);
  for (const link of [near, far]) link.destroy(new PosternError('link-closed'));
  await relay.close();
  await world.close();
});

test('messages that come in the same packet as the 101 are not lost', async () => {
  const world = await LinkWorld.start();
  world.onUpgrade = (request, socket, head) => {
    socket.cork();
    void acceptCarrier(request, socket, head, { headers: {}, maxMessage: MAX_MESSAGE }).then(({ webSocket }) => {
      for (const number of [0, 1, 2]) {
        const message = numbered(number, 1000);
        writeLinkHeader(message, KIND.COUNTED, 0);
        webSocket.send(message);
      }
      socket.uncork();
    });
  };
  const { carrier } = await dialCarrier(world.options());
  // Whoever takes its time loses nothing either.
  await new Promise((resolve) => setTimeout(resolve, 20));
  const link = new WebSocketLink(carrier);
  await new Promise((resolve) => setImmediate(resolve));
  const recorder = new LinkRecorder(link);
  await eventually(() => recorder.messages.length === 3);
  assert.deepEqual(recorder.numbers, [0, 1, 2]);
  link.destroy(new PosternError('link-closed'));
  await world.close();
});

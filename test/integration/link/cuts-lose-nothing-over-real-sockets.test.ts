// Sessions over real WebSockets that are cut again and again, in the middle of transfers both ways, notice nothing but a pause.

import assert from 'node:assert/strict';
import { createHash, type Hash } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import test from 'node:test';

import { PosternError } from '../../../shared/errors.ts';
import { acceptCarrier } from '../../../shared/link/accept.ts';
import { dialCarrier } from '../../../shared/link/dial.ts';
import { proofHolds, proofOf } from '../../../shared/link/resumption.ts';
import type { LinkOptions, WebSocketLink } from '../../../shared/link/websocket-link.ts';
import { Session } from '../../../shared/mux/session.ts';
import type { Stream } from '../../../shared/mux/stream.ts';
import { decodeResumed, decodeResumption, encodeHeader, RESUMPTION_HEADER } from '../../../shared/wire/handshake.ts';
import { eventually, LinkWorld, MAX_MESSAGE } from '../../support/link-world.ts';
import { randomFrom } from '../../support/property.ts';
import { TcpRelay } from '../../support/tcp-relay.ts';

const KEY = Buffer.alloc(32, 3).toString('base64url');
const SESSION = 'cd'.repeat(16);
const LIMITS = { credit: 65_536, streams: 10, message: MAX_MESSAGE };
const BYTES = 6 * 2 ** 20;

/** The bastion's part of a resumption, with nothing around it; `highest` is the attempt accepted last. */
async function resumed(
  { link, highest }: { link: WebSocketLink; highest: { attempt: number } },
  ...[request, socket, head]: [IncomingMessage, Duplex, Buffer]
): Promise<void> {
  const resumption = decodeResumption(String(request.headers[RESUMPTION_HEADER]));
  assert.ok(proofHolds(KEY, resumption));
  // The request of a connection that was cut may be read after that of its successor.
  if (resumption.attempt <= highest.attempt) return void socket.destroy();
  highest.attempt = resumption.attempt;
  link.lose(new PosternError('link-closed'));
  const headers = { [RESUMPTION_HEADER]: encodeHeader({ received: link.received }) };
  const accepted = acceptCarrier(request, socket, head, { headers, maxMessage: MAX_MESSAGE });
  // An agent that was cut off during the handshake just dials again; it finds the link as it was.
  await accepted.then(
    (carrier) => link.resume(carrier, resumption.received),
    (error: unknown) => assert.equal((error as PosternError).code, 'link-closed'),
  );
}

/** The agent's part: dials until it is through. */
async function resume(
  world: LinkWorld,
  relay: TcpRelay,
  link: WebSocketLink,
  attempts: { next: number },
): Promise<void> {
  while (link.waiting) {
    const stated = { session: SESSION, attempt: attempts.next++, received: link.received };
    const header = encodeHeader({ ...stated, proof: proofOf(KEY, stated) });
    const dial = dialCarrier(world.options({ port: relay.port, headers: { [RESUMPTION_HEADER]: header } }));
    await dial.then(
      ({ carrier, headers }) => link.resume(carrier, decodeResumed(String(headers[RESUMPTION_HEADER])).received),
      () => undefined,
    );
  }
}

function send(stream: Stream, random: () => number): Promise<string> {
  const hash = createHash('sha256');
  const from = function* (): Generator<Buffer> {
    for (let left = BYTES; left > 0;) {
      const chunk = Buffer.alloc(Math.min(left, 1 + Math.floor(random() * 100_000)), random() * 256);
      left -= chunk.length;
      hash.update(chunk);
      yield chunk;
    }
  };
  return (async () => {
    for (const chunk of from()) if (!stream.write(chunk)) await once(stream, 'drain');
    stream.end();
    return hash.digest('hex');
  })();
}

async function receive(stream: Stream): Promise<string> {
  const hash: Hash = createHash('sha256');
  // The plain loop would destroy the stream at its end, with whatever it is still sending.
  for await (const chunk of stream.iterator({ destroyOnReturn: false })) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

for (const seed of [1, 2])
  test(`twenty cuts at random bytes, seed ${seed}`, async () => {
    const random = randomFrom(seed);
    const world = await LinkWorld.start();
    const relay = await TcpRelay.start({ target: world.port });
    const attempts = { next: 1 };
    let cuts = 0;
    world.accepting = { graceMs: 60_000 };
    const options: LinkOptions = {
      graceMs: 60_000,
      onLost: () => {
        if (++cuts < 20) relay.cutAfter(Math.floor(random() * 600_000));
        void resume(world, relay, agentLink, attempts);
      },
    };
    const [agentLink, bastionLink] = await world.pair({ port: relay.port, link: options });
    const bastionEnd = { link: bastionLink, highest: { attempt: 0 } };
    world.onUpgrade = (...upgrade) => void resumed(bastionEnd, ...upgrade);
    const accepted: Stream[] = [];
    const limits = { own: LIMITS, peer: LIMITS };
    const agent = new Session(agentLink, {
      role: 'agent',
      ...limits,
      onStream: (stream) => void accepted.push(stream),
    });
    const bastion = new Session(bastionLink, { role: 'bastion', ...limits });
    relay.cutAfter(100_000);
    const near = bastion.open({ service: 'web', visitor: '' });
    const up = send(near, random);
    const down = receive(near);
    await eventually(() => accepted.length === 1);
    const [sentUp, sentDown, gotUp, gotDown] = await Promise.all([
      up,
      send(accepted[0]!, random),
      receive(accepted[0]!),
      down,
    ]);
    assert.equal(gotUp, sentUp);
    assert.equal(gotDown, sentDown);
    assert.ok(cuts >= 15, `${cuts} cuts`);
    await eventually(() => bastion.streams + agent.streams === 0);
    await Promise.all([bastion.close(), agent.close()]);
    await eventually(() => world.connections === 0);
    await relay.close();
    await world.close();
  });

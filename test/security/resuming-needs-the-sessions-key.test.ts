// A session is resumed by whoever has its key, once per attempt, and nobody else can even disturb it.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { request } from 'node:https';
import type { Duplex } from 'node:stream';
import { test, type TestContext } from 'node:test';

import { proofOf } from '../../shared/link/resumption.ts';
import { lookup } from '../../shared/net/resolve.ts';
import {
  ACCEPTANCE_HEADER,
  encodeHeader,
  REGISTRATION_HEADER,
  RESUMPTION_HEADER,
  SUBPROTOCOL,
  TUNNEL_PATH,
} from '../../shared/wire/handshake.ts';
import { bastionWorld, DOMAIN, instance, type BastionWorld } from '../support/bastion-world.ts';

const KEY = Buffer.alloc(32, 7).toString('base64url');

/** The status and code of a refusal, or 101 with the open socket. */
async function resume(
  { bastion, ca }: BastionWorld,
  header: string,
  more: Readonly<Record<string, string>> = {},
): Promise<{ status: number; code?: string; socket?: Duplex; headers?: IncomingHttpHeaders }> {
  const asked = request({
    host: DOMAIN,
    port: bastion.port,
    path: TUNNEL_PATH,
    ca,
    lookup,
    agent: false,
    headers: {
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': Buffer.alloc(16).toString('base64'),
      'sec-websocket-protocol': SUBPROTOCOL,
      [RESUMPTION_HEADER]: header,
      ...more,
    },
  }).end();
  return Promise.race([
    once(asked, 'upgrade').then((parts) => {
      const [{ headers }, socket] = parts as [IncomingMessage, Duplex];
      return { status: 101, socket, headers };
    }),
    once(asked, 'response').then(async ([response]: IncomingMessage[]) => {
      const chunks: Buffer[] = [];
      for await (const chunk of response as IncomingMessage) chunks.push(chunk as Buffer);
      const { code } = JSON.parse(Buffer.concat(chunks).toString()) as { code: string };
      return { status: response?.statusCode ?? 0, code };
    }),
  ]);
}

const stated = (session: string, attempt: number, key: string) => {
  const plain = { session, attempt, received: 0 };
  return encodeHeader({ ...plain, proof: proofOf(key, plain) });
};

async function serving(t: TestContext) {
  const world = await bastionWorld(t);
  const agent = await world.agent(await world.token({}), { access: 'public' }, (stream) => {
    stream.end('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi');
    stream.resume();
  });
  const works = async (): Promise<void> => assert.equal((await world.visit(`demo.${DOMAIN}`, '/')).body, 'hi');
  await works();
  return { world, agent, works };
}

test('a wrong key, an unknown session and garbage are refused, and the session serves on', async (t) => {
  const { world, agent, works } = await serving(t);
  const { session } = agent.acceptance;
  assert.deepEqual(await resume(world, stated(session, 1, KEY)), { status: 403, code: 'resume-refused' });
  assert.deepEqual(await resume(world, stated('0'.repeat(32), 1, KEY)), { status: 410, code: 'session-unknown' });
  assert.deepEqual(await resume(world, 'bm90IEpTT04'), { status: 400, code: 'registration-malformed' });
  assert.deepEqual(await resume(world, 'x'.repeat(9000)), { status: 400, code: 'registration-malformed' });
  await works();
});

test('a proof is good for its own numbers only', async (t) => {
  const { world, agent, works } = await serving(t);
  const { session, resumeKey } = agent.acceptance;
  const proof = proofOf(resumeKey, { session, attempt: 1, received: 0 });
  for (const changed of [
    { session, attempt: 2, received: 0, proof },
    { session, attempt: 1, received: 1, proof },
  ])
    assert.equal((await resume(world, encodeHeader(changed))).code, 'resume-refused');
  await works();
});

test('an attempt is accepted once: repeated or older ones are refused, also after a 101 that nobody saw', async (t) => {
  // Nothing has been sent in this session, so that a count of 0 is the truth.
  const world = await bastionWorld(t);
  const { session, resumeKey } = (await world.agent(await world.token())).acceptance;
  const header = stated(session, 5, resumeKey);
  const first = await resume(world, header);
  assert.equal(first.status, 101);
  // As if the 101 had been lost on its way: the socket is simply gone.
  first.socket?.destroy();
  assert.equal((await resume(world, header)).code, 'resume-refused');
  assert.equal((await resume(world, stated(session, 4, resumeKey))).code, 'resume-refused');
  const second = await resume(world, stated(session, 6, resumeKey));
  assert.equal(second.status, 101);
  second.socket?.destroy();
});

/** What an agent sends along that would rather be taken anew than refused. */
function registering(token: string, name: string): Record<string, string> {
  return {
    authorization: `Bearer ${token}`,
    [REGISTRATION_HEADER]: encodeHeader({
      agent: 'test/0',
      instance: instance(),
      slot: 0,
      names: [name],
      access: 'public',
      services: [{ name: 'web' }],
      links: [],
      features: [],
      limits: { credit: 65_536, streams: 10, message: 65_536 },
    }),
  };
}

test('a registration that comes along helps with an unknown session, and only if its credential is good', async (t) => {
  const { world, agent, works } = await serving(t);
  const { session } = agent.acceptance;
  const good = registering(await world.token({}), 'other');
  const unknown = stated('0'.repeat(32), 1, KEY);
  const taken = await resume(world, unknown, good);
  assert.equal(taken.status, 101);
  assert.equal(taken.headers?.[RESUMPTION_HEADER], undefined);
  assert.ok(taken.headers?.[ACCEPTANCE_HEADER] !== undefined);
  taken.socket?.destroy();
  // A proof that does not hold stays one, whatever comes along; and who may not register learns no more than before.
  assert.deepEqual(await resume(world, stated(session, 1, KEY), good), { status: 403, code: 'resume-refused' });
  const foreign = registering(await world.token({ owner: 'mallory', names: ['other-*'] }), 'demo');
  for (const bad of [foreign, registering('nonsense', 'other'), { ...good, [REGISTRATION_HEADER]: 'bm90IEpTT04' }])
    assert.deepEqual(await resume(world, unknown, bad), { status: 410, code: 'session-unknown' });
  await works();
});

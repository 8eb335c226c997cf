// A rehearsed registration: needs a credential like a real one, claims nothing, and can't be used to keep the bastion busy.

import assert from 'node:assert/strict';
import test from 'node:test';

import { dialLink } from '../../shared/link/dial.ts';
import { Session } from '../../shared/mux/session.ts';
import type { Stream } from '../../shared/mux/stream.ts';
import { lookup } from '../../shared/net/resolve.ts';
import {
  ACCEPTANCE_HEADER,
  decodeAcceptance,
  encodeHeader,
  PROBE_HEADER,
  PROBE_LONGEST_BYTES,
  PROBE_SERVICE,
  TUNNEL_PATH,
} from '../../shared/wire/handshake.ts';
import { bastionWorld, DOMAIN, eventually, instance, type BastionWorld } from '../support/bastion-world.ts';

const LIMITS = { credit: 65_536, streams: 4, message: 65_536 };

async function rehearse(world: BastionWorld, token: string | undefined, names = ['demo']): Promise<Session> {
  const registration = {
    ...{ agent: 'test/0', instance: instance(), slot: 0, names, access: 'private' as const },
    ...{ services: [{ name: 'web' }], links: [], features: [], limits: LIMITS },
  };
  const { link, headers } = await dialLink({
    url: `wss://${DOMAIN}:${world.bastion.port}${TUNNEL_PATH}`,
    headers: {
      [PROBE_HEADER]: encodeHeader(registration),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    ca: world.ca,
    lookup,
    timeoutMs: 10_000,
    signal: new AbortController().signal,
    zeroMask: true,
    maxMessage: LIMITS.message,
  });
  const acceptance = decodeAcceptance(String(headers[ACCEPTANCE_HEADER]));
  assert.equal(acceptance.resumeMs, 0);
  return new Session(link, { role: 'agent', own: LIMITS, peer: acceptance.limits });
}

function fate(stream: Stream): Promise<string> {
  return new Promise((resolve) => {
    let bytes = 0;
    stream.on('data', (chunk: Buffer) => (bytes += chunk.length));
    stream.on('error', (error: Error & { code?: string }) => resolve(String(error.code)));
    stream.on('end', () => resolve(`${bytes} bytes`));
  });
}

test('without a credential, or with a bad one, there is none', async (t) => {
  const world = await bastionWorld(t);
  await assert.rejects(rehearse(world, undefined), { code: 'credential-missing' });
  await assert.rejects(rehearse(world, 'nonsense'), { code: 'credential-invalid' });
  await assert.rejects(rehearse(world, await world.token({ names: ['other'] })), { code: 'name-not-allowed' });
});

test('the name is as free afterwards as before, and no visitor is led there', async (t) => {
  const world = await bastionWorld(t);
  const session = await rehearse(world, await world.token());
  assert.equal((await world.visit(`demo.${DOMAIN}`, '/')).status, 404);
  await world.agent(await world.token({ owner: 'bob' }));
  await session.close();
});

test('only the measuring service is there, with bounds on what it takes and sends', async (t) => {
  const world = await bastionWorld(t);
  const session = await rehearse(world, await world.token());
  const ask = (text: string, service = PROBE_SERVICE): Promise<string> => {
    const stream = session.open({ service, visitor: '' });
    const told = fate(stream);
    stream.end(text);
    return told;
  };
  assert.equal(await ask('1000\n'), '1000 bytes');
  assert.equal(await ask('0\nignored'), '0 bytes');
  assert.equal(await ask('10\n', 'web'), 'service-unknown');
  for (const wrong of [
    '',
    'x\n',
    '-1\n',
    '99999999999999\n',
    `${PROBE_LONGEST_BYTES + 1}\n`,
    'no line at all, and long',
  ])
    assert.equal(await ask(wrong), 'protocol-error', JSON.stringify(wrong));
  await session.close();
});

test('more than a few at once are sent away, and come in again when the others have left', async (t) => {
  const world = await bastionWorld(t);
  const token = await world.token();
  const sessions = await Promise.all(Array.from({ length: 4 }, () => rehearse(world, token)));
  await assert.rejects(rehearse(world, token), { code: 'handshake-limit' });
  await Promise.all(sessions.map((session) => session.close()));
  let again: Session | undefined;
  const retry = async (): Promise<void> => {
    again = await rehearse(world, token).catch(() => undefined);
  };
  void retry();
  let waiting = false;
  await eventually(() => {
    if (again === undefined && !waiting) {
      waiting = true;
      void retry().finally(() => (waiting = false));
    }
    return again !== undefined;
  }, 'a place is free again');
  await again?.close();
});

// With several links, what is small goes where no bulk is, and what comes while a link is broken goes to another one.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import { test, type TestContext } from 'node:test';

import { lookup } from '../../../shared/net/resolve.ts';
import { DOMAIN, eventually } from '../../support/bastion-world.ts';
import { severalLinksWorld, type SeveralLinksWorld } from '../../support/several-links-world.ts';

const HOST = `demo.${DOMAIN}`;
const MIB = 2 ** 20;

function world(t: TestContext, links: number): Promise<SeveralLinksWorld> {
  const piece = Buffer.alloc(65_536);
  const notebook = createServer((asked, response) => {
    if (asked.url !== '/endless') return void response.end('small');
    const more = (): void => {
      while (!response.destroyed && response.write(piece)) continue;
    };
    response.on('drain', more);
    more();
  });
  return severalLinksWorld(t, notebook, links);
}

async function endless(t: TestContext, { bastion, ca }: SeveralLinksWorld): Promise<void> {
  const asked = request({ host: HOST, port: bastion.port, path: '/endless', ca, lookup, agent: false }).end();
  const [response] = (await once(asked, 'response')) as [IncomingMessage];
  response.on('error', () => {}).resume();
  t.after(() => response.destroy());
}

const opened = ({ running }: SeveralLinksWorld): number[] => running.sessions.map(({ stats }) => stats.streamsOpened);

test('while one link carries bulk, small requests use the others', async (t) => {
  const there = await world(t, 3);
  await endless(t, there);
  await eventually(() => there.running.sessions.some(({ stats }) => stats.bytesOut > 16 * MIB), 'the bulk flows');
  const busy = there.running.sessions.findIndex(({ stats }) => stats.bytesOut > 16 * MIB);
  for (let count = 0; count < 20; count++) assert.equal((await there.visit(HOST, '/')).body, 'small');
  const counts = opened(there);
  assert.equal(counts[busy], 1);
  assert.equal(
    counts.reduce((sum, count) => sum + count),
    21,
  );
});

test('a connection of a visitor that was quiet leaves its link when bulk has come to it', async (t) => {
  const there = await world(t, 2);
  const kept = [1, 2].map(() => new Agent({ keepAlive: true, maxSockets: 1 })) as [Agent, Agent];
  t.after(() => kept.forEach((agent) => agent.destroy()));
  for (const agent of kept) assert.equal((await there.visit(HOST, '/', { agent })).body, 'small');
  assert.deepEqual(opened(there), [1, 1]);
  await endless(t, there);
  await eventually(() => there.running.sessions[0]!.stats.bytesOut > 4 * MIB, 'bulk flows on the first link');
  for (const agent of kept) assert.equal((await there.visit(HOST, '/', { agent })).body, 'small');
  // The first visitor's stream moved, the second's stayed.
  assert.deepEqual(opened(there), [2, 2]);
  await endless(t, there);
  await eventually(() => there.running.sessions[1]!.stats.bytesOut > 4 * MIB, 'bulk flows on both');
  for (const agent of kept) assert.equal((await there.visit(HOST, '/', { agent })).body, 'small');
  assert.deepEqual(opened(there), [2, 3]);
});

test('one link is broken: new requests, and those of kept connections, are answered over the other meanwhile', async (t) => {
  const there = await world(t, 2);
  const kept = new Agent({ keepAlive: true, maxSockets: 1 });
  t.after(() => kept.destroy());
  assert.equal((await there.visit(HOST, '/', { agent: kept })).body, 'small');
  assert.deepEqual(opened(there), [1, 0]);
  there.relay.open = false;
  there.relay.cutOldest();
  await eventually(() => there.running.events.some((event) => event.startsWith('paused')), 'the agent notices');
  await eventually(() => there.running.sessions[0]!.streams === 1, 'the idle stream is there');
  const answers = await Promise.all([
    there.visit(HOST, '/', { agent: kept }),
    there.visit(HOST, '/'),
    there.visit(HOST, '/'),
  ]);
  assert.deepEqual(
    answers.map(({ body }) => body),
    ['small', 'small', 'small'],
  );
  assert.deepEqual(opened(there), [1, 3]);
  assert.equal(there.running.events.includes('resumed'), false);
  there.relay.open = true;
  await eventually(() => there.running.events.includes('resumed'), 'the link is back');
  await eventually(() => there.running.sessions[0]!.streams === 0, 'the stream that was left has ended');
});

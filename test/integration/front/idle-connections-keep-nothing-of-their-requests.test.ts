// A WebSocket, or an agent's link, lives for days: what its request was made of is garbage as soon as it has been answered.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { IncomingMessage } from 'node:http';
import { test } from 'node:test';
import { connect, type TLSSocket } from 'node:tls';
import { queryObjects, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import { Exchange } from '../../../bastion/forward/exchange.ts';
import { Http1Visit } from '../../../bastion/front/http1-visit.ts';
import { Presence } from '../../../bastion/front/presence.ts';
import { PosternError } from '../../../shared/errors.ts';
import { bastionWorld, DOMAIN, eventually, type BastionWorld } from '../../support/bastion-world.ts';

const MANY = 20;
const HOST = `demo.${DOMAIN}`;
const REQUEST = `GET /ws HTTP/1.1\r\nHost: ${HOST}\r\nConnection: Upgrade\r\nUpgrade: custom/1\r\n\r\n`;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

async function left(kind: unknown): Promise<number> {
  for (let round = 0; round < 3; round++) {
    await new Promise((resolve) => setImmediate(resolve));
    collect();
  }
  return queryObjects(kind as never, { format: 'count' });
}

test('an upgraded connection keeps neither its request nor its exchange, and leaves nothing when it ends', async (t) => {
  const world = await bastionWorld(t);
  const switched = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: custom/1\r\nConnection: Upgrade\r\n\r\nhi';
  const { session } = await world.agent(
    await world.token(),
    { access: 'public' },
    (stream) =>
      void stream
        .on('end', () => stream.end())
        .resume()
        .write(switched),
  );
  // Prototypes count as well.
  const before = [await left(Http1Visit), await left(Exchange), await left(Presence)];
  const visitors = await Promise.all(Array.from({ length: MANY }, () => upgraded(world)));
  assert.deepEqual([await left(Http1Visit), await left(Exchange)], before.slice(0, 2));
  assert.equal((await left(Presence)) - (before[2] ?? 0), MANY, 'the right to be here is asked again now and then');
  const closed = visitors.map((visitor) => once(visitor, 'close'));
  for (const visitor of visitors) visitor.destroy();
  await Promise.all(closed);
  await eventually(() => session.streams === 0, 'every stream has ended');
  assert.deepEqual([await left(Http1Visit), await left(Exchange), await left(Presence)], before);
  session.destroy(new PosternError('session-closed'));
});

/** A visitor's connection that speaks another protocol. */
async function upgraded({ bastion, ca }: BastionWorld): Promise<TLSSocket> {
  const visitor = connect({ host: '127.0.0.1', port: bastion.port, ca, servername: HOST }).on('error', () => {});
  visitor.write(REQUEST);
  const [answer] = (await once(visitor, 'data')) as [Buffer];
  assert.match(answer.toString(), /^HTTP\/1\.1 101 /);
  return visitor;
}

test('a registered agent leaves nothing of its request behind', async (t) => {
  const world = await bastionWorld(t, { namesPerOwner: 1000 });
  const token = await world.token();
  const first = await world.agent(token, { names: ['name-0'] });
  const before = await left(IncomingMessage);
  const sessions = [first.session];
  for (let index = 1; index <= MANY; index++) {
    const { session, acceptance } = await world.agent(token, { names: [`name-${index}`] });
    assert.deepEqual(Object.keys(acceptance.urls), [`name-${index}`]);
    sessions.push(session);
  }
  // The agents' own ends are in this process, too, and `ws` keeps the answer that it got.
  const each = (await left(IncomingMessage)) - before;
  assert.ok(each <= MANY, `${each} requests and answers are kept for ${MANY} agents`);
  for (const session of sessions) session.destroy(new PosternError('session-closed'));
});

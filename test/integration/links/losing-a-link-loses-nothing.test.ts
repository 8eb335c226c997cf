// Links of one tunnel that are cut one by one, or ended for good: transfers arrive whole, and the tunnel lives on.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { request } from 'node:https';
import { test } from 'node:test';

import { PosternError } from '../../../shared/errors.ts';
import { lookup } from '../../../shared/net/resolve.ts';
import { DOMAIN, eventually } from '../../support/bastion-world.ts';
import { severalLinksWorld, type SeveralLinksWorld } from '../../support/several-links-world.ts';

const HOST = `demo.${DOMAIN}`;
const MIB = 2 ** 20;
const TRANSFERS = 20;
const TRANSFER_BYTES = 3 * MIB;

/** Bytes that tell whose they are and where they belong. */
function* numbered(which: number): Generator<Buffer> {
  for (let sent = 0; sent < TRANSFER_BYTES; sent += 65_536) {
    const chunk = Buffer.alloc(65_536, which);
    chunk.writeUInt32BE(sent / 65_536);
    yield chunk;
  }
}

/** `/download/N` sends them, `/upload` answers with the hash of what it got, `/wait` keeps the visitor waiting. */
function notebook(waiting: ServerResponse[] = []): Server {
  return createServer((asked, response) => {
    const [, kind, which] = (asked.url ?? '').split('/');
    if (kind === 'wait') return void waiting.push(response);
    if (kind === 'upload') return void hashOf(asked).then((hash) => response.end(hash));
    const chunks = numbered(Number(which));
    const more = (): void => {
      for (;;) {
        const { done, value } = chunks.next();
        if (done === true) return void response.end();
        if (!response.write(value)) return void response.once('drain', more);
      }
    };
    more();
  });
}

async function hashOf(source: AsyncIterable<unknown> | Iterable<unknown>): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of source) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

async function transfer({ bastion, ca }: SeveralLinksWorld, which: number): Promise<string> {
  const upload = which % 2 === 1;
  const asked = request({
    ...{ host: HOST, port: bastion.port, ca, lookup, agent: false },
    method: upload ? 'PUT' : 'GET',
    path: upload ? '/upload' : `/download/${which}`,
    headers: upload ? { 'content-length': String(TRANSFER_BYTES) } : {},
  });
  const answered = once(asked, 'response');
  if (upload) for (const chunk of numbered(which)) if (!asked.write(chunk)) await once(asked, 'drain');
  asked.end();
  const [response] = (await answered) as [IncomingMessage];
  assert.equal(response.statusCode, 200);
  if (!upload) return hashOf(response);
  let text = '';
  for await (const chunk of response) text += String(chunk);
  return text;
}

test('twenty transfers over three links that are cut in turn arrive whole, each in one exchange', async (t) => {
  const world = await severalLinksWorld(t, notebook(), 3);
  world.relay.cutEvery(MIB, 'oldest');
  const hashes = await Promise.all(Array.from({ length: TRANSFERS }, (_, which) => transfer(world, which)));
  const expected = await Promise.all(Array.from({ length: TRANSFERS }, (_, which) => hashOf(numbered(which))));
  assert.deepEqual(hashes, expected);
  assert.ok(world.relay.cuts >= 20, `${world.relay.cuts} cuts`);
  assert.equal(world.running.events.filter((event) => event.startsWith('up')).length, 3);
  assert.equal(world.running.events.filter((event) => event.startsWith('lost')).length, 0);
  assert.ok(world.running.sessions.every(({ stats }) => stats.streamsOpened > 0));
});

test('a session that ends for good takes only its own streams along, and its slot is filled again', async (t) => {
  const waiting: ServerResponse[] = [];
  const world = await severalLinksWorld(t, notebook(waiting), 3);
  const visits = [1, 2, 3].map(() =>
    world.visit(HOST, '/wait', { method: 'POST', headers: { accept: 'application/json' } }),
  );
  await eventually(() => waiting.length === 3, 'a request waits on each link');
  const [first, second, third] = world.running.sessions;
  assert.deepEqual([first?.streams, second?.streams, third?.streams], [1, 1, 1]);
  second?.destroy(new PosternError('internal'));
  await eventually(
    () => world.running.supervisor.state === 'serving' && world.running.sessions[1] !== second,
    'the slot is filled',
  );
  assert.deepEqual([world.running.sessions[0], world.running.sessions[2]], [first, third]);
  for (const response of waiting) response.end('patience pays');
  const answers = (await Promise.all(visits)).map(({ status, body }) => (status === 200 ? body : String(status)));
  assert.deepEqual(answers.toSorted(), ['503', 'patience pays', 'patience pays']);
  assert.deepEqual(
    world.running.events.filter((event) => event.startsWith('lost')),
    ['lost internal'],
  );
  // The new link takes streams as the others do.
  for (let count = 0; count < 3; count++) void world.visit(HOST, '/wait').catch(() => {});
  await eventually(() => world.running.sessions[1]?.streams === 1, 'a stream goes to the new link');
});

test('who waits for an answer over the one link that is out is told so, those on the others are not disturbed', async (t) => {
  const waiting: ServerResponse[] = [];
  const world = await severalLinksWorld(t, notebook(waiting), 2, { pausePatienceMs: 100 });
  const visits = [1, 2].map(() => world.visit(HOST, '/wait', { headers: { accept: 'application/json' } }));
  await eventually(() => waiting.length === 2, 'a request waits on each link');
  world.relay.open = false;
  world.relay.cutOldest();
  const { status, body } = await Promise.race(visits);
  assert.deepEqual([status, (JSON.parse(body) as { code: string }).code], [503, 'tunnel-paused']);
  for (const response of waiting) response.end('patience pays');
  const answers = (await Promise.all(visits)).map((answer) => String(answer.status));
  assert.deepEqual(answers.toSorted(), ['200', '503']);
});

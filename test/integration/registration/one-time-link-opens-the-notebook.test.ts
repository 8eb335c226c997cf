// From the one-time link to the notebook's answer: entered once, the notebook gets its own token and never ours.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';

import { createToken, loadTokenKey } from '../../../bastion/auth/token.ts';
import type { Stream } from '../../../shared/mux/stream.ts';
import { DOMAIN, bastionWorld, eventually, hashOf } from '../../support/bastion-world.ts';
import type { BastionWorld } from '../../support/bastion-world.ts';

const HOST = `demo.${DOMAIN}`;
const TOKEN = { owner: 'alice', names: ['*'], use: 'agent', ttlMs: 3_600_000 } as const;

/** A notebook that answers every request with the head it was sent. */
function echo(stream: Stream): void {
  let text = '';
  stream.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1');
    const end = text.indexOf('\r\n\r\n');
    if (end < 0) return;
    const head = text.slice(0, end);
    text = '';
    stream.write(`HTTP/1.1 200 OK\r\nContent-Length: ${head.length}\r\n\r\n${head}`);
  });
}

test('a link lets its visitor in once, and the agent hears of it', async (t) => {
  const world = await bastionWorld(t);
  const agent = await world.agent(await world.token(), { links: [hashOf('one-time')] }, echo);
  const origin = `https://${HOST}:${world.bastion.port}`;
  const enter = (secret: string) =>
    world.visit(HOST, '/_postern/enter', {
      method: 'POST',
      headers: { origin, 'content-type': 'application/json', accept: 'application/json' },
      body: JSON.stringify({ secret }),
    });

  assert.equal((await world.visit(HOST, '/lab')).status, 401);
  assert.equal((await enter('wrong')).status, 403);
  const entered = await enter('one-time');
  assert.equal(entered.status, 204);
  await eventually(() => agent.infos.length > 0, 'the agent hears that its link is spent');
  assert.deepEqual(agent.infos, [{ type: 'link-spent', hash: hashOf('one-time'), from: '127.0.0.1' }]);
  assert.equal((await enter('one-time')).status, 403);

  const cookie = String(entered.headers['set-cookie']).split(';')[0] as string;
  const lab = await world.visit(HOST, '/lab?x=1', { headers: { cookie: `a=1; ${cookie}`, 'sec-fetch-site': 'none' } });
  assert.equal(lab.status, 200);
  assert.match(lab.body, /^GET \/lab\?x=1 HTTP\/1\.1/);
  assert.match(lab.body, /authorization: token notebook-secret/i);
  assert.match(lab.body, /cookie: a=1\b/i);
  assert.ok(!lab.body.includes('__Host-postern'));

  const evil = { cookie, origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' };
  assert.equal((await world.visit(HOST, '/api/kernels', { method: 'POST', headers: evil })).status, 403);
  const own = await world.visit(HOST, '/', { headers: { cookie, authorization: 'token mine' } });
  assert.match(own.body, /authorization: token mine/i);
  assert.ok(!own.body.includes('notebook-secret'));
});

test("a script's token opens its owner's notebook and nobody else's, and the notebook never sees it", async (t) => {
  const world = await bastionWorld(t);
  await world.agent(await world.token(), {}, echo);
  const alice = await world.token({ use: 'visitor', names: ['demo'] });
  const bob = await world.token({ use: 'visitor', owner: 'bob' });
  const answer = await world.visit(HOST, '/api', { headers: { authorization: `Bearer ${alice}` } });
  assert.match(answer.body, /authorization: token notebook-secret/i);
  assert.ok(!answer.body.includes(alice));
  assert.equal((await world.visit(HOST, '/api', { headers: { authorization: `Bearer ${bob}` } })).status, 403);
  const agents = await world.token();
  assert.equal((await world.visit(HOST, '/api', { headers: { authorization: `Bearer ${agents}` } })).status, 401);
});

test('a public notebook never gets its own token with a request', async (t) => {
  const world = await bastionWorld(t);
  await world.agent(await world.token(), { access: 'public' }, echo);
  const answer = await world.visit(HOST, '/lab');
  assert.equal(answer.status, 200);
  assert.ok(!answer.body.toLowerCase().includes('authorization'));
});

test('a link that was used stays used when the bastion starts anew', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'postern-'));
  const state = join(folder, 'state');
  t.after(() => rmSync(folder, { recursive: true }));
  const enter = (world: BastionWorld) =>
    world.visit(HOST, '/_postern/enter', {
      method: 'POST',
      headers: { origin: `https://${HOST}:${world.bastion.port}`, 'content-type': 'application/json' },
      body: JSON.stringify({ secret: 'one-time' }),
    });
  const first = await bastionWorld(t, { stateDirectory: state });
  const credential = await createToken(loadTokenKey(state), TOKEN);
  await first.agent(credential, { links: [hashOf('one-time')] });
  assert.equal((await enter(first)).status, 204);
  await first.bastion.destroy();
  const second = await bastionWorld(t, { stateDirectory: state });
  const agent = await second.agent(credential, { links: [hashOf('one-time')] });
  await eventually(() => agent.infos.length > 0, 'the agent hears that its link is spent');
  assert.equal((await enter(second)).status, 403);
});

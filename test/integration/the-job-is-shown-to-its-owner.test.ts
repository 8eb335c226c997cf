// What the bastion shows of a notebook's job: on the status page, in the API, to operators, and when the job is over.

import assert from 'node:assert/strict';
import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import test from 'node:test';

import type { Info } from '../../shared/wire/handshake.ts';
import type { Status } from '../../bastion/front/status.ts';
import type { TunnelEntry } from '../../bastion/tunnel-list.ts';
import {
  bastionWorld,
  DOMAIN,
  eventually,
  hashOf,
  type BastionWorld,
  type TestAgent,
} from '../support/bastion-world.ts';

const HOST = `demo.${DOMAIN}`;
const JOB = {
  scheduler: 'slurm',
  id: '4711',
  owner: 'alice',
  node: 'wn-17.example.org',
  remainingMs: 3_600_000,
  notice: true,
};

interface Scene {
  readonly world: BastionWorld;
  readonly agent: TestAgent;
  readonly cookie: string;
  status(headers?: Record<string, string>): Promise<Status>;
}

async function scene(t: test.TestContext, more: Parameters<BastionWorld['agent']>[1] = {}): Promise<Scene> {
  const world = await bastionWorld(t, { resumeMs: 0 });
  const answer = (stream: { end(text: string): unknown; resume(): unknown }): void => {
    stream.resume();
    stream.end('HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<p>hi\n');
  };
  const agent = await world.agent(
    await world.token(),
    { links: [hashOf('s')], job: JOB, features: ['activity'], ...more },
    answer,
  );
  agent.session.sendInfo({ type: 'readiness', service: 'web', ready: true });
  const cookie = await enter(world);
  const status = async (headers: Record<string, string> = {}): Promise<Status> => {
    const got = await world.visit(HOST, '/_postern/status', { headers: { cookie, ...headers } });
    assert.equal(got.status, 200, got.body);
    return JSON.parse(got.body) as Status;
  };
  return { world, agent, cookie, status };
}

async function enter(world: BastionWorld): Promise<string> {
  const origin = `https://${HOST}:${world.bastion.port}`;
  const answer = await world.visit(HOST, '/_postern/enter', {
    method: 'POST',
    headers: { origin, host: `${HOST}:${world.bastion.port}`, 'content-type': 'application/json' },
    body: JSON.stringify({ secret: 's' }),
  });
  return String(answer.headers['set-cookie']).split(';')[0] as string;
}

/** The first answer for which it is so. */
async function once<T>(ask: () => Promise<T>, isSo: (answer: T) => boolean): Promise<T> {
  const end = performance.now() + 10_000;
  for (;;) {
    const answer = await ask();
    if (isSo(answer)) return answer;
    if (performance.now() > end) throw new Error(`never came true; last: ${JSON.stringify(answer)}`);
  }
}

const told = async (agent: TestAgent, type: Info['type']): Promise<Info> => {
  await eventually(() => agent.infos.some((info) => info.type === type), `INFO ${type}`);
  return agent.infos.findLast((info) => info.type === type) as Info;
};

test('the owner sees job, node and time left, as a page and as JSON; a stranger sees neither', async (t) => {
  const { world, status, cookie } = await scene(t);
  const shown = await status();
  assert.deepEqual(shown.job, { scheduler: 'slurm', id: '4711', owner: 'alice', node: 'wn-17.example.org' });
  const left = (shown.deadline ?? 0) - shown.now;
  assert.ok(left > 3_590_000 && left <= 3_600_000, String(left));
  assert.equal(shown.state, 'running');
  assert.match(shown.run, /^[0-9a-f]{16}$/);
  const page = await world.visit(HOST, '/_postern/status', { headers: { cookie, accept: 'text/html' } });
  assert.match(page.body, /slurm 4711/);
  assert.match(page.body, /wn-17\.example\.org/);
  assert.match(String(page.headers['content-security-policy']), /script-src 'sha256-/);
  for (const path of ['/_postern/status', '/_postern/keep'])
    assert.equal((await world.visit(HOST, path, { method: path.endsWith('keep') ? 'POST' : 'GET' })).status, 401, path);
});

test('visitors of a public notebook see the time, and not whose job it is or where', async (t) => {
  const world = await bastionWorld(t);
  await world.agent(await world.token(), { access: 'public', job: JOB, features: ['activity'] });
  const got = await world.visit(HOST, '/_postern/status');
  const status = JSON.parse(got.body) as Status;
  assert.ok(status.deadline);
  assert.equal(status.job, undefined);
  assert.doesNotMatch(got.body, /wn-17|4711|alice"/);
  assert.equal((await world.visit(HOST, '/_postern/keep', { method: 'POST' })).status, 401);
});

test('idleness is shown, and the wish to keep reaches the agent, from the owner’s own pages only', async (t) => {
  const { world, agent, status, cookie } = await scene(t);
  agent.session.sendInfo({ type: 'idle', idleMs: 60_000, stopMs: 240_000 });
  const shown = await once(status, ({ idleSince }) => idleSince !== undefined);
  const stop = (shown.stopAt ?? 0) - shown.now;
  assert.ok(stop > 230_000 && stop <= 240_000, String(stop));
  assert.ok(shown.now - (shown.idleSince ?? 0) >= 60_000);

  const origin = `https://${HOST}:${world.bastion.port}`;
  const host = `${HOST}:${world.bastion.port}`;
  const foreign = { cookie, host, origin: 'https://evil.example.org', 'sec-fetch-site': 'cross-site' };
  assert.equal((await world.visit(HOST, '/_postern/keep', { method: 'POST', headers: foreign })).status, 403);
  assert.ok(!agent.infos.some(({ type }) => type === 'keep'));
  const headers = { cookie, host, origin, 'sec-fetch-site': 'same-origin' };
  assert.equal((await world.visit(HOST, '/_postern/keep', { headers })).status, 405);
  assert.equal((await world.visit(HOST, '/_postern/keep', { method: 'POST', headers })).status, 204);
  assert.deepEqual(await told(agent, 'keep'), { type: 'keep', from: '127.0.0.1' });
  agent.session.sendInfo({ type: 'idle', idleMs: 0 });
  await once(status, ({ idleSince }) => idleSince === undefined);
});

test('an agent that did not ask for it hears nothing of visitors', async (t) => {
  const { world, agent, cookie } = await scene(t, { features: [] });
  assert.equal((await world.visit(HOST, '/', { headers: { cookie } })).status, 200);
  const host = `${HOST}:${world.bastion.port}`;
  const headers = { cookie, host, origin: `https://${host}` };
  assert.equal((await world.visit(HOST, '/_postern/keep', { method: 'POST', headers })).status, 404);
  agent.session.sendInfo({ type: 'readiness', service: 'web', ready: true });
  await new Promise((resolve) => setTimeout(resolve, 400));
  assert.deepEqual(
    agent.infos.filter(({ type }) => type !== 'link-spent'),
    [],
  );
});

test('what visitors do is told to the agent', async (t) => {
  const { world, agent, cookie } = await scene(t);
  await world.visit(HOST, '/x', { headers: { cookie } });
  const info = await told(agent, 'activity');
  assert.ok(info.type === 'activity' && info.requestMs !== undefined && info.changeMs === undefined);
});

test('what the pages ask by themselves is not told', async (t) => {
  const { world, agent, cookie } = await scene(t, { quiet: ['/lab/api/workspaces/'] });
  await world.visit(HOST, '/lab/api/workspaces/default', { method: 'GET', headers: { cookie } });
  await new Promise((resolve) => setTimeout(resolve, 500));
  assert.ok(!agent.infos.some(({ type }) => type === 'activity'));
  await world.visit(HOST, '/lab/api/other', { headers: { cookie } });
  await told(agent, 'activity');
});

test('a page gets the notice when the agent allows it, and is otherwise left alone', async (t) => {
  const navigation = { 'sec-fetch-dest': 'document', 'sec-fetch-mode': 'navigate', 'sec-fetch-site': 'none' };
  const allowed = await scene(t);
  const page = await allowed.world.visit(HOST, '/', { headers: { cookie: allowed.cookie, ...navigation } });
  assert.match(page.body, /^<p>hi\n\n<script src="\/_postern\/notice\.js" async><\/script>\n$/);
  assert.equal(Number(page.headers['content-length']), page.body.length);
  const fetched = await allowed.world.visit(HOST, '/', { headers: { cookie: allowed.cookie } });
  assert.equal(fetched.body, '<p>hi\n');
  const script = await allowed.world.visit(HOST, '/_postern/notice.js');
  assert.match(String(script.headers['content-type']), /^text\/javascript/);

  const refused = await scene(t, { job: { ...JOB, notice: false } });
  const plain = await refused.world.visit(HOST, '/', { headers: { cookie: refused.cookie, ...navigation } });
  assert.equal(plain.body, '<p>hi\n');
});

test('while the job is stopped and afterwards, visitors read that, and by which code', async (t) => {
  for (const [state, code] of [
    ['preempted', 'job-preempted'],
    ['ending', 'job-ended'],
  ] as const) {
    const { world, agent, cookie, status } = await scene(t);
    agent.session.sendInfo({ type: 'job', state, reason: 'it got SIGTERM' });
    const shown = await once(status, (now) => now.state === state);
    assert.equal(shown.reason, 'it got SIGTERM');
    agent.session.sendInfo({ type: 'readiness', service: 'web', ready: false, exit: 0 });
    const ask = async (): Promise<string> => {
      const { status: number, body } = await world.visit(HOST, '/', { headers: { cookie } });
      return number === 200 ? 'served' : (JSON.parse(body) as { code: string }).code;
    };
    await once(ask, (said) => said === code);
    await agent.session.close();
    assert.equal(await ask(), code);
    const page = await world.visit(HOST, '/', { headers: { accept: 'text/html' } });
    assert.equal(page.status, 503);
    assert.match(page.body, /Trying again by itself/);
    assert.doesNotMatch(page.body, /SIGTERM|wn-17/, 'a stranger learns no more than that');
  }
});

test('operators list the tunnels on the admin port, without anything secret', async (t) => {
  const { world, agent, status } = await scene(t);
  agent.session.sendInfo({ type: 'idle', idleMs: 60_000, stopMs: 240_000 });
  await once(status, ({ idleSince }) => idleSince !== undefined);
  const body = await admin(world, '/tunnels');
  const { tunnels } = JSON.parse(body) as { tunnels: TunnelEntry[] };
  assert.equal(tunnels.length, 1);
  const { owner, names, link, ready, job } = tunnels[0] as TunnelEntry;
  assert.deepEqual([owner, names, link, ready], ['alice', ['demo'], 'serving', true]);
  const { stopAt, idleSince, deadline, ...rest } = job as NonNullable<TunnelEntry['job']>;
  const { remainingMs: _, notice: __, ...facts } = JOB;
  assert.deepEqual(rest, { ...facts, state: 'running' });
  assert.ok([stopAt, idleSince, deadline].every((at) => !Number.isNaN(Date.parse(String(at)))));
  assert.doesNotMatch(body, /notebook-secret|resumeKey|links/);
  const metrics = await admin(world, '/metrics');
  assert.match(metrics, /postern_jobs\{scheduler="slurm",state="idle"\} 1/);
  assert.match(metrics, /postern_jobs_idle_seconds\{quantile="1"\} 6\d/);
});

async function admin(world: BastionWorld, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port: world.bastion.adminPort, path, agent: false }, (response) => {
      text(response).then(resolve, reject);
    });
    sent.on('error', reject);
    sent.end();
  });
}

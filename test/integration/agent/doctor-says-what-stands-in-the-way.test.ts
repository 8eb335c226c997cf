// postern-agent doctor against real bastions, proxies and impostors: it names the first thing that stands in the way, and disturbs nobody.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { createServer as createHttps } from 'node:https';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import test from 'node:test';

import { doctor } from '../../../agent/doctor/doctor.ts';
import { AGENT_PROGRAM } from '../../../agent/options.ts';
import type { Finding } from '../../../agent/doctor/finding.ts';
import type { TokenRequest } from '../../../bastion/auth/token-book.ts';
import { createAuthority } from '../../../certs/authority.ts';
import { issueLeaf } from '../../../certs/leaf.ts';
import { parseOptions } from '../../../shared/program/options.ts';
import { bastionWorld, DOMAIN, type BastionWorld } from '../../support/bastion-world.ts';
import { ConnectProxy } from '../../support/connect-proxy.ts';

interface Told {
  readonly code: number;
  readonly text: string;
  readonly findings: readonly Finding[];
  /** `step outcome`, in order. */
  readonly steps: readonly string[];
}

interface Patient {
  readonly world: BastionWorld;
  readonly folder: string;
  examine(more?: readonly string[], env?: Record<string, string>): Promise<Told>;
}

async function run(argv: readonly string[], env: Record<string, string> = {}): Promise<{ code: number; text: string }> {
  const command = parseOptions(AGENT_PROGRAM, { argv: ['doctor', ...argv], env: {}, readFile: () => '{}' });
  if (command.command !== 'doctor') throw new Error('not the doctor');
  let text = '';
  const code = await doctor(command.values, { env, output: { write: (more) => (text += more) } });
  return { code, text };
}

async function patient(t: test.TestContext, change: Partial<TokenRequest> = {}): Promise<Patient> {
  const world = await bastionWorld(t);
  const folder = world.state;
  const token = join(folder, 'alice.token');
  writeFileSync(token, await world.token(change), { mode: 0o600 });
  writeFileSync(join(folder, 'ca.test.pem'), world.ca);
  return {
    world,
    folder,
    examine: async (more = [], env = {}) => {
      const given = (flag: string): boolean => more.includes(flag);
      const argv = [
        ...(given('--bastion') ? [] : ['--bastion', `https://${DOMAIN}:${world.bastion.port}`]),
        ...(given('--name') ? [] : ['--name', 'demo']),
        ...(given('--token-file') ? [] : ['--token-file', token]),
        ...(given('--ca') ? [] : ['--ca', join(folder, 'ca.test.pem')]),
        ...['--dial-timeout', '3s'],
        ...more,
      ];
      const { code, text } = await run([...argv, '--json'], env);
      const { bastions } = JSON.parse(text) as { bastions: { findings: Finding[] }[] };
      const findings = bastions.flatMap((each) => each.findings);
      return { code, text, findings, steps: findings.map(({ step, outcome }) => `${step} ${outcome}`) };
    },
  };
}

const last = ({ findings }: Told): Finding => findings.at(-1) as Finding;
const failure = ({ findings }: Told): Finding => findings.find(({ outcome }) => outcome === 'failed') as Finding;

test('where everything works it says so, step by step, and registers nothing', async (t) => {
  const { examine, world } = await patient(t);
  const told = await examine();
  assert.equal(told.code, 0, told.text);
  // This name is ::1 as well, where nobody listens.
  assert.deepEqual(told.steps, [
    ...['files ok', 'dns ok', 'tcp warning', 'proxy skipped', 'tls ok', 'http ok', 'clock ok'],
    ...['websocket ok', 'credential ok', 'name ok', 'round-trip ok', 'throughput ok'],
  ]);
  assert.match(told.findings.find(({ step }) => step === 'tls')?.details?.join() ?? '', /notebooks\.localhost/);
  assert.equal((await world.visit(`demo.${DOMAIN}`, '/')).status, 404, 'nobody knows the name');
  await world.agent(await world.token({ owner: 'bob' }), { names: ['demo'] });
});

test('in words it is readable, and the exit code tells the same', async (t) => {
  const { world, folder } = await patient(t);
  const common = ['--name', 'demo', '--token-file', join(folder, 'alice.token'), '--ca', join(folder, 'ca.test.pem')];
  const good = await run([...common, '--bastion', `https://${DOMAIN}:${world.bastion.port}`]);
  assert.equal(good.code, 0);
  assert.match(good.text, /ok +tls +TLS stands \(TLSv1\.3\)/);
  assert.match(good.text, /ok +throughput +Through the tunnel: [\d.]+ Mbit\/s up, [\d.]+ Mbit\/s down/);
  assert.match(good.text, /Nothing stands in the way/);
});

test('a live tunnel is not disturbed, and the doctor says that it is there', async (t) => {
  const { examine, world } = await patient(t);
  const agent = await world.agent(await world.token());
  const told = await examine();
  assert.equal(told.code, 0);
  assert.ok(told.steps.includes('name warning'));
  assert.deepEqual(agent.goAways, []);
  assert.equal((await world.visit(`demo.${DOMAIN}`, '/')).status, 401, 'the notebook is still there');
});

test('a token that is bad, expired, or not for this name is told apart', async (t) => {
  const { examine, world, folder } = await patient(t);
  const file = join(folder, 'other.token');
  writeFileSync(file, 'nonsense', { mode: 0o600 });
  const bad = await examine(['--token-file', file]);
  assert.deepEqual([bad.code, failure(bad).step], [1, 'credential']);
  assert.match(failure(bad).says, /credential-invalid/);
  writeFileSync(file, await world.token({ names: ['other'] }), { mode: 0o600 });
  const foreign = await examine(['--token-file', file]);
  assert.deepEqual([failure(foreign).step, foreign.steps.includes('credential ok')], ['name', true]);
  assert.match(failure(foreign).says, /name-not-allowed/);
  writeFileSync(file, await world.token({ ttlMs: 600_000 }), { mode: 0o600 });
  assert.ok((await examine(['--token-file', file])).steps.includes('credential warning'));
});

test('a name that belongs to somebody else is told', async (t) => {
  const { examine, world } = await patient(t);
  await world.agent(await world.token({ owner: 'bob' }), { names: ['demo'] });
  const told = await examine();
  assert.match(failure(told).says, /name-taken/);
});

test('a token file that others can read is told before anything is dialled', async (t) => {
  const { examine, folder } = await patient(t);
  const file = join(folder, 'open.token');
  writeFileSync(file, 'x', { mode: 0o644 });
  const told = await examine(['--token-file', file]);
  assert.deepEqual(told.steps, ['files failed']);
  assert.match(last(told).says, /chmod 600/);
});

test('an untrusted chain is shown, with who issued it and what to do', async (t) => {
  const { examine, folder } = await patient(t);
  const stranger = join(folder, 'stranger.pem');
  writeFileSync(stranger, createAuthority({ domain: 'example.org', now: Date.now() }).certificate);
  const told = await examine(['--ca', stranger]);
  assert.deepEqual([told.code, last(told).step, last(told).outcome], [1, 'tls', 'failed']);
  assert.match(last(told).says, /do not vouch for/);
  assert.match(last(told).advice ?? '', /--ca/);
  assert.match(last(told).details?.join('\n') ?? '', /issued by .*notebooks\.localhost/);
});

test('a certificate for another host, and one that has expired, are told apart', async (t) => {
  const { examine, folder } = await patient(t);
  for (const [now, domain, pattern] of [
    [Date.now(), 'other.localhost', /for another host: .*other\.localhost.*, not notebooks\.localhost/],
    [Date.now() - 200 * 86_400_000, DOMAIN, /has expired/],
  ] as const) {
    const authority = createAuthority({ domain, now });
    const { certificate: cert, key } = issueLeaf(authority, { now });
    const server = createHttps({ cert, key });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    t.after(() => server.close());
    writeFileSync(join(folder, 'site.pem'), authority.certificate);
    const bastion = `https://${DOMAIN}:${(server.address() as AddressInfo).port}`;
    const told = await examine(['--bastion', bastion, '--ca', join(folder, 'site.pem')]);
    assert.match(last(told).says, pattern);
    assert.ok((last(told).details?.length ?? 0) > 0);
  }
});

test('a port where nobody listens, and a name that nobody knows', async (t) => {
  const { examine } = await patient(t);
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  const closed = await examine(['--bastion', `https://${DOMAIN}:${port}`]);
  assert.deepEqual([last(closed).step, last(closed).outcome], ['tcp', 'failed']);
  assert.match(last(closed).advice ?? '', /nothing listens/);
  const unknown = await examine(['--bastion', 'https://nowhere.invalid']);
  assert.deepEqual([last(unknown).step, last(unknown).outcome], ['dns', 'failed']);
});

test('something else that speaks TLS and HTTP is told from a bastion', async (t) => {
  const { examine, folder } = await patient(t);
  const authority = createAuthority({ domain: DOMAIN, now: Date.now() });
  const { certificate: cert, key } = issueLeaf(authority, { now: Date.now() });
  const server = createHttps({ cert, key }, (_, response) => response.writeHead(403).end('blocked'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  writeFileSync(join(folder, 'site.pem'), authority.certificate);
  const bastion = `https://${DOMAIN}:${(server.address() as AddressInfo).port}`;
  const told = await examine(['--bastion', bastion, '--ca', join(folder, 'site.pem')]);
  assert.deepEqual([failure(told).step, told.code], ['websocket', 1]);
  assert.match(failure(told).says, /HTTP 403 from something that is not a postern bastion/);
  assert.match(failure(told).advice ?? '', /in its place/);
});

test('through a proxy it goes the same way, and what the proxy refuses is told as that', async (t) => {
  const { examine } = await patient(t);
  const proxy = await ConnectProxy.start({ credentials: 'alice:secret' });
  t.after(() => proxy.close());
  const refused = await examine(['--proxy', `http://127.0.0.1:${proxy.port}`]);
  assert.deepEqual([last(refused).step, last(refused).outcome], ['proxy', 'failed']);
  assert.match(last(refused).advice ?? '', /--proxy-credentials-file/);
  const passed = await examine(['--bastion', `https://${DOMAIN}:${proxyPort(refused)}`], {});
  assert.equal(passed.code, 0);
  const env = { HTTPS_PROXY: `http://alice:secret@127.0.0.1:${proxy.port}` };
  const direct = await examine([], env);
  assert.ok(direct.steps.includes('proxy skipped'), 'loopback needs no proxy, whatever the environment says');
});

function proxyPort(told: Told): string {
  return /notebooks\.localhost:(\d+)/.exec(told.text)?.[1] ?? '';
}

test('what is for support holds no secret', async (t) => {
  const { examine, world } = await patient(t);
  const told = await examine();
  const token = await world.token();
  assert.ok(!told.text.includes(token.slice(0, 20)));
  assert.doesNotMatch(told.text, /resumeKey|Bearer/);
});

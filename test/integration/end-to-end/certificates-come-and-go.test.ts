// The agent's certificate over its life: renewed under running connections, brought along in files, missing, or not to be had.

import assert from 'node:assert/strict';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { test } from 'node:test';

import { EXIT } from '../../../agent/exit-code.ts';
import { IssuedCertificate } from '../../../agent/issued-certificate.ts';
import { Termination } from '../../../agent/terminate.ts';
import { createAuthority } from '../../../certs/authority.ts';
import { issueLeaf } from '../../../certs/leaf.ts';
import { createServe } from '../../../agent/serve.ts';
import { tcpUpstream } from '../../../agent/upstreams/socket.ts';
import type { Upstream } from '../../../agent/upstreams/upstream.ts';
import type { ErrorCode } from '../../../shared/errors.ts';
import type { Stream } from '../../../shared/mux/stream.ts';
import { systemClock } from '../../../shared/mux/clock.ts';
import { NO_LOG } from '../../../shared/program/log.ts';
import { AgentProgram } from '../../support/agent-program.ts';
import { BareBastion } from '../../support/bare-bastion.ts';
import { bastionWorld, DOMAIN, eventually } from '../../support/bastion-world.ts';
import { endToEndWorld, reachable } from '../../support/end-to-end-world.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { connect, type TLSSocket } from 'node:tls';
import { once } from 'node:events';
import { lookup } from '../../../shared/net/resolve.ts';

const HOST = `demo.${DOMAIN}`;
const REQUEST = `GET / HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`;
const serial = (socket: TLSSocket): string => socket.getPeerCertificate().serialNumber;

test('a renewed certificate is shown to new visitors, and connections that run go on', async (t) => {
  const world = await bastionWorld(t);
  const clock = new FakeClock();
  const source = new IssuedCertificate({
    clock,
    now: () => Date.now() + clock.now(),
    random: Math.random,
    log: NO_LOG,
  });
  const termination = new Termination({
    source,
    clientCa: undefined,
    patienceMs: 5000,
    clock: systemClock,
    log: NO_LOG,
  });
  const notebook = createServer((_request, response) => response.end('answered')).listen(0, '127.0.0.1');
  await once(notebook, 'listening');
  t.after(() => {
    notebook.close();
    notebook.closeAllConnections();
  });
  const { port } = notebook.address() as { port: number };
  const upstream = tcpUpstream({ label: 'notebook', host: '127.0.0.1', port, check: undefined });
  const serve = createServe({
    services: new Map([['web', { name: 'web', upstream, phase: () => 'ready' as const }]]),
    connectTimeoutMs: 5000,
    endToEnd: { termination, names: ['demo'] },
    clock: systemClock,
    log: NO_LOG,
  });
  const agent = await world.agent(
    await world.token(),
    { access: 'public', tls: { certificate: 'issued', visitors: 'all' } },
    serve,
  );
  let answered = 0;
  const look = setInterval(() => {
    for (const info of agent.infos.slice(answered)) if (info.type === 'certificate') source.answered(info);
    answered = agent.infos.length;
  }, 2);
  t.after(() => clearInterval(look));
  const visit = async (): Promise<TLSSocket> => {
    const visitor = connect({ host: HOST, port: world.bastion.port, servername: HOST, ca: world.ca, lookup });
    await once(visitor, 'secureConnect');
    return visitor;
  };
  // The first comes before there is a certificate, and waits for it.
  const waiting = visit();
  await eventually(() => agent.streams.length === 1, 'the stream is there');
  source.registered(agent.session, agent.acceptance.session);
  const early = await waiting;
  const first = serial(early);
  await clock.advance(2_401_000);
  await eventually(() => agent.infos.filter(({ type }) => type === 'certificate').length === 2, 'a second certificate');
  await eventually(() => answered === agent.infos.length, 'it is taken');
  const late = await visit();
  assert.notEqual(serial(late), first);
  for (const visitor of [early, late]) {
    visitor.write(REQUEST);
    const [data] = (await once(visitor, 'data')) as [Buffer];
    assert.match(data.toString(), /^HTTP\/1\.1 200 OK/);
    visitor.destroy();
  }
  source.close();
});

test('a certificate from files is shown', async (t) => {
  const authority = createAuthority({ domain: DOMAIN, now: Date.now() });
  const write = (folder: string): string[] => {
    const leaf = issueLeaf(authority, { names: [HOST], now: Date.now() });
    const files = [join(folder, 'own.pem'), join(folder, 'own.key')] as const;
    writeFileSync(files[0], leaf.certificate);
    writeFileSync(files[1], leaf.key);
    chmodSync(files[1], 0o600);
    return ['--tls-cert', files[0], '--tls-key', files[1]];
  };
  const notebook = createServer((_request, response) => response.end('answered'));
  const world = await endToEndWorld(t, { notebook, args: (folder) => ['--access', 'public', ...write(folder)] });
  const visitor = await reachable(world, HOST, { ca: authority.certificate });
  assert.equal(
    visitor.getPeerCertificate().raw.toString('base64'),
    readFileSync(join(world.folder, 'own.pem'), 'utf8').replace(/-----[A-Z ]+-----|\s/g, ''),
  );
  visitor.destroy();
});

test('files that others can read, or that do not belong together, stop the agent at once', async (t) => {
  const authority = createAuthority({ domain: DOMAIN, now: Date.now() });
  const args = (mode: number, foreign: boolean) => (folder: string) => {
    const [one, other] = [0, 1].map(() => issueLeaf(authority, { names: [HOST], now: Date.now() }));
    const [cert, key] = [join(folder, 'own.pem'), join(folder, 'own.key')];
    writeFileSync(cert, one?.certificate ?? '');
    writeFileSync(key, (foreign ? other : one)?.key ?? '');
    chmodSync(key, mode);
    return ['--access', 'public', '--tls-cert', cert, '--tls-key', key];
  };
  for (const [mode, foreign, problem] of [
    [0o644, false, /chmod 600/],
    [0o600, true, /does not belong/],
  ] as const) {
    await assert.rejects(endToEndWorld(t, { notebook: createServer(), args: args(mode, foreign) }), problem);
  }
});

test('an agent that asks a bastion with certificates from files for one is refused for good', async (t) => {
  const authority = createAuthority({ domain: DOMAIN, now: Date.now() });
  const leaf = issueLeaf(authority, { now: Date.now() });
  const world = await bastionWorld(t);
  const files = { certificate: join(world.state, 'x.pem'), key: join(world.state, 'x.key') };
  writeFileSync(files.certificate, leaf.certificate + authority.certificate);
  writeFileSync(files.key, leaf.key);
  const notebook = createServer();
  const end = await endToEndWorld(t, { notebook, args: ['--access', 'public'], config: { tls: files } });
  assert.equal(await end.running.done, EXIT.refused);
});

test('without a certificate visitors are refused after a while, and the bastion is told why', async (t) => {
  const world = await bastionWorld(t);
  const source = new IssuedCertificate({ clock: systemClock, now: Date.now, random: Math.random, log: NO_LOG });
  const termination = new Termination({ source, clientCa: undefined, patienceMs: 50, clock: systemClock, log: NO_LOG });
  const serve = createServe({
    services: new Map([['web', { name: 'web', upstream: NOWHERE, phase: () => 'ready' as const }]]),
    connectTimeoutMs: 5000,
    endToEnd: { termination, names: ['demo'] },
    clock: systemClock,
    log: NO_LOG,
  });
  const tls = { certificate: 'issued', visitors: 'all' } as const;
  const failed: string[] = [];
  await world.agent(await world.token(), { access: 'public', tls }, (stream) =>
    serve(Object.assign(stream, { fail: failing(stream, failed) })),
  );
  const visitor = connect({ host: HOST, port: world.bastion.port, servername: HOST, ca: world.ca, lookup });
  const [error] = (await once(visitor, 'error')) as [NodeJS.ErrnoException];
  assert.match(error.message, /internal error/);
  assert.deepEqual(failed, ['certificate-missing']);
  source.close();
});

const NOWHERE: Upstream = { label: 'nowhere', dial: () => Promise.reject(new Error('nobody asked')) };

/** Does what the stream's own does, and notes the code. */
function failing(stream: Stream, failed: string[]): (code: ErrorCode) => void {
  const fail = stream.fail.bind(stream);
  return (code) => {
    failed.push(code);
    fail(code);
  };
}

test('an agent leaves a bastion that would read what visitors send', async () => {
  const bastion = await new BareBastion().listen();
  const agent = new AgentProgram(bastion, 'attach', [
    ...['--to', `unix:${join(bastion.directory, 'none.sock')}`, '--tls', 'end-to-end', '--access', 'public'],
  ]);
  assert.equal((await agent.exited).code, EXIT.refused);
  assert.match(agent.output, /end-to-end-unavailable/);
  const { registration } = await bastion.arrival();
  assert.deepEqual(registration.tls, { certificate: 'issued', visitors: 'all' });
  assert.deepEqual([registration.links, registration.services], [[], [{ name: 'web' }]]);
  await bastion.close();
});

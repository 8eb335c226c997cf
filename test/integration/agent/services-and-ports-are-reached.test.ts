// `postern-agent` with --service and --allow-port: what is registered, dialled, refused, and answers later.

import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import test from 'node:test';

import type { Session } from '../../../shared/mux/session.ts';
import { AgentProgram, server as notebook } from '../../support/agent-program.ts';
import { BareBastion } from '../../support/bare-bastion.ts';

async function listening(answer: string, where: { host: string; port: number } | string): Promise<Server> {
  const server = createServer((_request, response) => response.end(answer));
  await new Promise<void>((resolve) => server.listen(where, resolve));
  return server;
}

const portOf = (server: Server): number => (server.address() as AddressInfo).port;

async function ask(session: Session, service: string): Promise<string> {
  const stream = session.open({ service, visitor: '192.0.2.1' });
  stream.write('GET /x HTTP/1.1\r\nhost: demo\r\nconnection: close\r\n\r\n');
  const answer = await text(stream);
  stream.end();
  return answer.slice(answer.lastIndexOf('\n') + 1);
}

test('services and ports answer beside the notebook; every other port is refused', async () => {
  const bastion = await new BareBastion().listen();
  const dashboard = await listening('dashboard', { host: '127.0.0.1', port: 0 });
  const six = await listening('six', { host: '::1', port: 0 });
  const secret = await listening('secret', { host: '127.0.0.1', port: 0 });
  const path = join(bastion.directory, 'tb.sock');
  const tensorboard = await listening('tensorboard', path);
  const port = portOf(dashboard);
  const options = ['--service', `tb=unix:${path}`, '--allow-port', String(port), '--allow-port', String(portOf(six))];
  const agent = new AgentProgram(bastion, 'run', [...options, ...notebook('', '"notebook"')]);
  const { registration, session } = await bastion.arrival();
  assert.deepEqual(registration.services, [{ name: 'web' }, { name: 'tb' }]);
  assert.deepEqual(registration.ports, [
    [port, port],
    [portOf(six), portOf(six)],
  ]);
  await agent.until(/The notebook answers/);
  assert.equal(await ask(session, 'web'), 'notebook');
  assert.equal(await ask(session, 'tb'), 'tensorboard');
  assert.equal(await ask(session, String(port)), 'dashboard');
  assert.equal(await ask(session, String(portOf(six))), 'six');
  for (const service of [String(portOf(secret)), `0${port}`, 'other'])
    await assert.rejects(ask(session, service), { code: 'service-unknown' }, service);
  agent.process.kill('SIGTERM');
  await agent.exited;
  for (const server of [dashboard, six, secret, tensorboard]) server.close();
  await bastion.close();
});

test('a port may begin to answer later; until then it is silent', async () => {
  const bastion = await new BareBastion().listen();
  const first = await listening('', { host: '127.0.0.1', port: 0 });
  const port = portOf(first);
  await new Promise((resolve) => first.close(resolve));
  const agent = new AgentProgram(bastion, 'run', ['--allow-port', String(port), ...notebook()]);
  const { session } = await bastion.arrival();
  await assert.rejects(ask(session, String(port)), { code: 'service-silent' });
  const late = await listening('late', { host: '127.0.0.1', port });
  assert.equal(await ask(session, String(port)), 'late');
  late.close();
  agent.process.kill('SIGTERM');
  await agent.exited;
  await bastion.close();
});

test('a bastion without addresses for services is said so', async () => {
  const bastion = await new BareBastion().listen();
  const agent = new AgentProgram(bastion, 'run', ['--allow-port', '8787', ...notebook()]);
  await agent.until(/no addresses for --service and --allow-port/);
  agent.process.kill('SIGTERM');
  await agent.exited;
  await bastion.close();
});

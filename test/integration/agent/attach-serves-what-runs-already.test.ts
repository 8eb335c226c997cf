// `postern-agent attach`: a tunnel without a command.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';

import { AgentProgram } from '../../support/agent-program.ts';
import { BareBastion } from '../../support/bare-bastion.ts';

test('it serves a loopback port of its own user, adds what it was given, and stops in good order', async () => {
  const bastion = await new BareBastion().listen();
  const notebook = createServer((request, response) => response.end(`at ${request.url}`));
  await new Promise<void>((resolve) => notebook.listen(0, '127.0.0.1', resolve));
  const to = `http://127.0.0.1:${(notebook.address() as AddressInfo).port}`;
  const secret = join(bastion.directory, 'authorization');
  writeFileSync(secret, 'token of-the-notebook\n', { mode: 0o600 });
  const agent = new AgentProgram(bastion, 'attach', ['--to', to, '--authorization-file', secret]);
  const { registration, session } = await bastion.arrival();
  assert.deepEqual(registration.services, [{ name: 'web', authorization: 'token of-the-notebook' }]);
  await agent.until(/The notebook answers/);
  const stream = session.open({ service: 'web', visitor: '192.0.2.1' });
  stream.write('GET /x HTTP/1.1\r\nhost: demo\r\nconnection: close\r\n\r\n');
  assert.match(await text(stream), /at \/x$/);
  stream.end();
  agent.process.kill('SIGTERM');
  assert.deepEqual(await agent.exited, { code: 0, signal: null });
  assert.ok(!agent.output.includes('of-the-notebook'));
  notebook.close();
  await bastion.close();
});

test('a server that comes later is announced when it answers', async () => {
  const bastion = await new BareBastion().listen();
  const path = join(bastion.directory, 'late.sock');
  const agent = new AgentProgram(bastion, 'attach', ['--to', `unix:${path}`]);
  const { session } = await bastion.arrival();
  await assert.rejects(text(session.open({ service: 'web', visitor: 'x' })), { code: 'upstream-not-ready' });
  const notebook = createServer((_request, response) => response.end());
  notebook.listen(path);
  await agent.until(/The notebook answers/);
  agent.process.kill('SIGINT');
  assert.deepEqual(await agent.exited, { code: 0, signal: null });
  notebook.close();
  await bastion.close();
});

test('a newer agent of the same owner ends it with a code of its own', async () => {
  const bastion = await new BareBastion().listen();
  const agent = new AgentProgram(bastion, 'attach', ['--to', 'unix:/tmp/postern-nobody.sock']);
  const { session } = await bastion.arrival();
  session.goAway({ code: 'replaced', reconnectAfterMs: 0 });
  assert.deepEqual(await agent.exited, { code: 5, signal: null });
  assert.equal(bastion.arrivals.length, 1);
  await bastion.close();
});

// `postern-agent attach --to https://...`: the notebook's certificate counts, always.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import test from 'node:test';

import { createAuthority } from '../../../certs/authority.ts';
import { issueLeaf } from '../../../certs/leaf.ts';
import { AgentProgram } from '../../support/agent-program.ts';
import { BareBastion } from '../../support/bare-bastion.ts';

async function tlsNotebook(bastion: BareBastion) {
  const authority = createAuthority({ domain: 'lab.localhost', now: Date.now() });
  const leaf = issueLeaf(authority, { now: Date.now() });
  const ca = join(bastion.directory, 'notebook-ca.pem');
  writeFileSync(ca, authority.certificate);
  const notebook = createServer({ cert: leaf.certificate, key: leaf.key }, (_request, response) =>
    response.end('encrypted'),
  );
  await new Promise<void>((resolve) => notebook.listen(0, '127.0.0.1', resolve));
  return { notebook, ca, to: `https://lab.localhost:${(notebook.address() as AddressInfo).port}` };
}

test('with its CA given by --upstream-ca it is served', async () => {
  const bastion = await new BareBastion().listen();
  const { notebook, ca, to } = await tlsNotebook(bastion);
  const agent = new AgentProgram(bastion, 'attach', ['--to', to, '--upstream-ca', ca, '--grace', '1s']);
  const { session } = await bastion.arrival();
  await agent.until(/The notebook answers/);
  const stream = session.open({ service: 'web', visitor: '192.0.2.1' });
  stream.write('GET / HTTP/1.1\r\nhost: demo\r\nconnection: close\r\n\r\n');
  assert.match(await text(stream), /encrypted$/);
  stream.end();
  agent.process.kill('SIGTERM');
  assert.deepEqual(await agent.exited, { code: 0, signal: null });
  notebook.close();
  await bastion.close();
});

test('with a CA that nobody knows it is not', async () => {
  const bastion = await new BareBastion().listen();
  const { notebook, to } = await tlsNotebook(bastion);
  // Whose port it is may be waived; the certificate may not.
  const agent = new AgentProgram(bastion, 'attach', ['--to', to, '--allow-foreign-upstream']);
  const { session } = await bastion.arrival();
  await assert.rejects(text(session.open({ service: 'web', visitor: '192.0.2.1' })), { code: 'upstream-failed' });
  agent.process.kill('SIGTERM');
  await agent.exited;
  notebook.close();
  await bastion.close();
});

test('a CA file that holds no certificate is refused at once', async () => {
  const bastion = await new BareBastion().listen();
  const wrong = ['--to', 'https://lab.localhost:1', '--upstream-ca', bastion.tokenFile];
  const agent = new AgentProgram(bastion, 'attach', wrong);
  assert.equal((await agent.exited).code, 2);
  assert.match(agent.output, /no certificate/);
  assert.equal(bastion.arrivals.length, 0);
  await bastion.close();
});

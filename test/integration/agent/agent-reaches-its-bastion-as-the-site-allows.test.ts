// The agent as a program, behind a proxy, with several bastions, and over IPv6.

import assert from 'node:assert/strict';
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';

import { AgentProgram, server } from '../../support/agent-program.ts';
import { BareBastion } from '../../support/bare-bastion.ts';
import { ConnectProxy, type ProxyOptions } from '../../support/connect-proxy.ts';

async function bastionIn(t: TestContext, domain?: string): Promise<BareBastion> {
  const bastion = await new BareBastion(domain).listen();
  t.after(() => bastion.close());
  return bastion;
}

async function proxyIn(t: TestContext, options: ProxyOptions): Promise<ConnectProxy> {
  const proxy = await ConnectProxy.start(options);
  t.after(() => proxy.close());
  return proxy;
}

async function stop(agent: AgentProgram): Promise<void> {
  agent.process.kill('SIGTERM');
  assert.equal((await agent.exited).code, 143);
}

test('HTTPS_PROXY is used, its credentials too, and the name is resolved by the proxy', async (t) => {
  // A name that only the proxy knows.
  const bastion = await bastionIn(t, 'notebooks.invalid');
  const proxy = await proxyIn(t, {
    route: () => ({ host: '127.0.0.1', port: bastion.port }),
    credentials: 'alice:s3cret-of-the-proxy',
  });
  const url = `http://alice:s3cret-of-the-proxy@127.0.0.1:${proxy.port}`;
  const agent = new AgentProgram(bastion, 'run', server(), {
    HTTPS_PROXY: url,
    https_proxy: '',
    NO_PROXY: '',
    no_proxy: '',
  });
  await bastion.arrival();
  assert.deepEqual(proxy.asked, [`notebooks.invalid:${bastion.port}`]);
  await agent.until(/The notebook answers/);
  await stop(agent);
  assert.match(agent.output, new RegExp(`http://127\\.0\\.0\\.1:${proxy.port}`));
  assert.doesNotMatch(agent.output, /s3cret-of-the-proxy/);
});

test('--proxy with a file of credentials: what the proxy refuses is told, and a corrected file is read', async (t) => {
  const bastion = await bastionIn(t);
  const proxy = await proxyIn(t, { credentials: 'alice:right-one' });
  const file = join(bastion.directory, 'proxy-credentials');
  writeFileSync(file, 'alice:wrong-one\n', { mode: 0o600 });
  const rest = ['--proxy', `http://127.0.0.1:${proxy.port}`, '--proxy-credentials-file', file, ...server()];
  const agent = new AgentProgram(bastion, 'run', rest);
  await agent.until(/proxy-credentials/);
  writeFileSync(file, 'alice:right-one\n');
  await bastion.arrival();
  await stop(agent);
  assert.doesNotMatch(agent.output, /wrong-one|right-one/);
});

test('--proxy-ca: a proxy that speaks TLS is trusted by its own authorities', async (t) => {
  const [bastion, issuer] = [await bastionIn(t), await bastionIn(t, 'proxy.localhost')];
  const proxy = await proxyIn(t, { tls: issuer.leaf });
  const way = ['--proxy', `https://proxy.localhost:${proxy.port}`, '--proxy-ca', issuer.caFile];
  const agent = new AgentProgram(bastion, 'run', [...way, ...server()]);
  await bastion.arrival();
  assert.equal(proxy.asked.length, 1);
  await stop(agent);
});

test('a proxy variable that cannot be used is told before anything starts', async (t) => {
  const bastion = await bastionIn(t, 'notebooks.invalid');
  const env = { HTTPS_PROXY: 'socks5://alice:hunter2@127.0.0.1:1', https_proxy: '', NO_PROXY: '', no_proxy: '' };
  const agent = new AgentProgram(bastion, 'run', server(), env);
  assert.equal((await agent.exited).code, 2);
  assert.match(agent.output, /HTTPS_PROXY names a socks5:/);
  assert.doesNotMatch(agent.output, /hunter2|LISTENS/);
});

test('the second bastion takes over from the first, session and all, and is kept', async (t) => {
  const [first, second] = [await bastionIn(t), await bastionIn(t)];
  appendFileSync(first.caFile, readFileSync(second.caFile));
  first.resumeMs = second.resumeMs = 60_000;
  const rest = ['--bastion', second.url, '--bastion-order', 'given', ...server()];
  const agent = new AgentProgram(first, 'run', rest);
  await first.arrival();
  await agent.until(/The notebook answers/);
  // Its sessions are gone with it: the agent does not wait for the 60 s that it might have had.
  first.stopListening();
  first.cut();
  const { session } = await second.arrival();
  assert.equal(first.arrivals.length, 1);
  assert.ok(session.streams === 0);
  await stop(agent);
});

test('a bastion that listens on IPv6 only is found by its name', async (t) => {
  const bastion = await new BareBastion().listen('::1').catch((error: NodeJS.ErrnoException) => error.code);
  if (typeof bastion === 'string' || bastion === undefined) return t.skip(`no IPv6 here (${bastion})`);
  t.after(() => bastion.close());
  const agent = new AgentProgram(bastion, 'run', server());
  await bastion.arrival();
  await stop(agent);
});

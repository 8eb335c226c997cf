// Whatever happens to the bastion or the network: the notebook runs on, and the agent comes back.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmodSync } from 'node:fs';
import test, { type TestContext } from 'node:test';

import { AgentProgram, server } from '../../support/agent-program.ts';
import { BareBastion } from '../../support/bare-bastion.ts';

async function bareBastion(t: TestContext): Promise<BareBastion> {
  const bastion = await new BareBastion().listen();
  t.after(() => bastion.close());
  return bastion;
}

function runningAgent(t: TestContext, bastion: BareBastion, more = ''): AgentProgram {
  const agent = new AgentProgram(bastion, 'run', server(more));
  t.after(() => agent.process.kill('SIGKILL'));
  return agent;
}

test('after a cut it registers again, as the same instance, with its readiness', async (t) => {
  const bastion = await bareBastion(t);
  const agent = runningAgent(t, bastion);
  const first = await bastion.arrival(1);
  await agent.until(/The notebook answers/);
  bastion.cut();
  const second = await bastion.arrival(2);
  assert.deepEqual(second.registration, first.registration);
  while (second.infos.length === 0) await new Promise((resolve) => setImmediate(resolve));
  const { serial, ...said } = second.infos[0]!;
  assert.deepEqual(said, { type: 'readiness', service: 'web', ready: true });
  assert.ok(serial! > first.infos.at(-1)!.serial!);
  agent.process.kill('SIGTERM');
  assert.equal((await agent.exited).code, 143);
});

test('on GOAWAY it opens the next session first, and the old streams finish', async (t) => {
  const bastion = await bareBastion(t);
  // What follows the request may come with it.
  const echo = `server.on('upgrade', (_, socket, head) => (socket.write(head), socket.pipe(socket)));`;
  const agent = runningAgent(t, bastion, echo);
  const first = await bastion.arrival(1);
  await agent.until(/The notebook answers/);
  const stream = first.session.open({ service: 'web', visitor: '192.0.2.1' });
  stream.write('GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n');
  stream.write('one');
  const heard = async (): Promise<string> => String((await once(stream, 'data'))[0]);
  assert.equal(await heard(), 'one');
  first.session.goAway({ code: 'draining', reconnectAfterMs: 0 });
  await bastion.arrival(2);
  stream.write('two');
  assert.equal(await heard(), 'two');
  stream.end();
  await first.session.closed;
  agent.process.kill('SIGTERM');
  await agent.exited;
});

test('replaced by a newer agent, the command runs on without visitors', async (t) => {
  const bastion = await bareBastion(t);
  const agent = runningAgent(t, bastion);
  const { session } = await bastion.arrival();
  await agent.until(/LISTENS/);
  session.goAway({ code: 'replaced', reconnectAfterMs: 0 });
  await agent.until(/newer agent/);
  assert.equal(agent.process.exitCode, null);
  agent.process.kill('SIGTERM');
  assert.equal((await agent.exited).code, 143);
  assert.equal(bastion.arrivals.length, 1);
});

test('once registered, neither a refusal nor an unusable token file ends the command', async (t) => {
  const bastion = await bareBastion(t);
  const agent = runningAgent(t, bastion);
  await bastion.arrival(1);
  chmodSync(bastion.tokenFile, 0o644);
  bastion.cut();
  await agent.until(/chmod 600/);
  bastion.refuseWith = 'credential-expired';
  chmodSync(bastion.tokenFile, 0o600);
  await agent.until(/Not registered: The credential has expired/);
  bastion.refuseWith = undefined;
  await bastion.arrival(2);
  agent.process.kill('SIGTERM');
  assert.equal((await agent.exited).code, 143);
});

// `postern-agent run`: the command's life is the agent's.

import assert from 'node:assert/strict';
import { text } from 'node:stream/consumers';
import test from 'node:test';

import { AgentProgram, server } from '../../support/agent-program.ts';
import { BareBastion } from '../../support/bare-bastion.ts';

async function withBastion(body: (bastion: BareBastion) => Promise<void>): Promise<void> {
  const bastion = await new BareBastion().listen();
  try {
    await body(bastion);
  } finally {
    await bastion.close();
  }
}

test('visitors reach the command, and its exit code is passed on and told', () =>
  withBastion(async (bastion) => {
    const agent = new AgentProgram(
      bastion,
      'run',
      server(`server.on('request', () => setTimeout(() => process.exit(7), 50))`),
    );
    const { session, infos, authorization } = await bastion.arrival();
    await agent.until(/The notebook answers/);
    const stream = session.open({ service: 'web', visitor: '192.0.2.1' });
    stream.end('GET /path HTTP/1.1\r\nhost: demo\r\nconnection: close\r\n\r\n');
    assert.match(await text(stream), /^HTTP\/1\.1 200 OK[^]*\/path$/);
    assert.deepEqual(await agent.exited, { code: 7, signal: null });
    assert.equal(authorization, 'Bearer token-of-the-test');
    assert.equal((await session.closed).code, 'session-closed');
    const told = infos.flatMap((info) => (info.type === 'readiness' ? [[info.ready, info.exit]] : []));
    assert.deepEqual(told.slice(-2), [
      [true, undefined],
      [false, 7],
    ]);
  }));

test('before it answers, visitors are told that it starts', () =>
  withBastion(async (bastion) => {
    const agent = new AgentProgram(bastion, 'run', [
      '--',
      process.execPath,
      '-e',
      'setInterval(() => "{socket}", 1000)',
    ]);
    const { session } = await bastion.arrival();
    const stream = session.open({ service: 'web', visitor: '192.0.2.1' });
    await assert.rejects(text(stream), { code: 'upstream-not-ready' });
    agent.process.kill('SIGTERM');
    assert.deepEqual(await agent.exited, { code: 143, signal: null });
  }));

test('a signal is passed on, and the command decides on the exit code', () =>
  withBastion(async (bastion) => {
    for (const [signal, code] of [
      ['SIGTERM', 41],
      ['SIGINT', 42],
    ] as const) {
      const agent = new AgentProgram(bastion, 'run', server(`process.on('${signal}', () => process.exit(${code}));`));
      await agent.until(/LISTENS/);
      agent.process.kill(signal);
      assert.deepEqual(await agent.exited, { code, signal: null });
    }
  }));

test('a second signal kills a command that does not listen to the first', () =>
  withBastion(async (bastion) => {
    const agent = new AgentProgram(bastion, 'run', server(`process.on('SIGTERM', () => console.log('NO'));`));
    await agent.until(/LISTENS/);
    agent.process.kill('SIGTERM');
    await agent.until(/NO/);
    agent.process.kill('SIGTERM');
    assert.deepEqual(await agent.exited, { code: 137, signal: null });
  }));

test('a command that a signal ended counts as a shell counts it', () =>
  withBastion(async (bastion) => {
    const agent = new AgentProgram(bastion, 'run', server(`process.kill(process.pid, 'SIGKILL');`));
    assert.deepEqual(await agent.exited, { code: 137, signal: null });
  }));

test('a command that is not there ends with 127', () =>
  withBastion(async (bastion) => {
    const agent = new AgentProgram(bastion, 'run', ['--', '/no/such/program', '{socket}']);
    assert.deepEqual(await agent.exited, { code: 127, signal: null });
  }));

test('a refusal for good stops the command and has an exit code of its own', () =>
  withBastion(async (bastion) => {
    bastion.refuseWith = 'name-taken';
    const agent = new AgentProgram(bastion, 'run', server());
    assert.deepEqual(await agent.exited, { code: 3, signal: null });
    assert.match(agent.output, /name-taken/);
  }));

test('a command that never answers is stopped after the patience', () =>
  withBastion(async (bastion) => {
    const command = ['--', process.execPath, '-e', 'setInterval(() => "{port}", 1000)'];
    const agent = new AgentProgram(bastion, 'run', ['--patience', '200ms', ...command]);
    assert.deepEqual(await agent.exited, { code: 4, signal: null });
  }));

test('options that cannot be used end it with 2 before anything starts', () =>
  withBastion(async (bastion) => {
    const agent = new AgentProgram(bastion, 'run', ['--streams', '0', ...server(`console.log('STARTED');`)]);
    assert.deepEqual(await agent.exited, { code: 2, signal: null });
    assert.ok(!agent.output.includes('STARTED'));
  }));

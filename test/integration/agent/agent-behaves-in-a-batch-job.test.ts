// The agent as a program inside a batch job: says what the job is, leaves the address where asked, and ends as jobs end.

import assert from 'node:assert/strict';
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';

import type { Info } from '../../../shared/wire/handshake.ts';
import { AgentProgram, server } from '../../support/agent-program.ts';
import { BareBastion, type Arrived } from '../../support/bare-bastion.ts';

async function withBastion(body: (bastion: BareBastion) => Promise<void>): Promise<void> {
  const bastion = await new BareBastion().listen();
  try {
    await body(bastion);
  } finally {
    await bastion.close();
  }
}

async function info(arrived: Arrived, isIt: (info: Info) => boolean): Promise<Info> {
  for (;;) {
    const found = arrived.infos.find(isIt);
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Programs of a batch system that write down what they were asked, and answer as told. */
function standIn(bastion: BareBastion, name: string, body: string): { folder: string; asked(): string } {
  const folder = bastion.directory;
  const log = join(folder, `${name}.log`);
  writeFileSync(join(folder, name), `#!/bin/sh\nprintf '%s\\n' "$*" >> '${log}'\n${body}\n`);
  chmodSync(join(folder, name), 0o755);
  return { folder, asked: () => (existsSync(log) ? readFileSync(log, 'utf8') : '') };
}

test('the address goes to a file, to standard output as JSON, and into the record of a Slurm job, without a secret', () =>
  withBastion(async (bastion) => {
    const end = new Date(Date.now() + 3_600_000).toISOString().slice(0, 19);
    const { folder, asked } = standIn(
      bastion,
      'scontrol',
      `[ "$1" = update ] || echo "JobId=4711 TimeLimit=01:00:00 EndTime=${end} x"`,
    );
    const urlFile = join(folder, 'url');
    const env = {
      PATH: `${folder}:${process.env['PATH']}`,
      ...{ SLURM_JOB_ID: '4711', SLURM_JOB_USER: 'alice', SLURMD_NODENAME: 'wn-17' },
    };
    const agent = new AgentProgram(bastion, 'run', ['--url-file', urlFile, '--json', ...server()], env);
    const arrived = await bastion.arrival();
    const { job, features } = arrived.registration;
    assert.deepEqual(features, ['activity']);
    assert.deepEqual([job?.scheduler, job?.id, job?.owner, job?.node], ['slurm', '4711', 'alice', 'wn-17']);
    const news = job?.remainingMs === undefined ? await info(arrived, ({ type }) => type === 'job') : undefined;
    const remaining = news?.type === 'job' ? news.remainingMs : job?.remainingMs;
    assert.ok(remaining !== undefined && remaining > 3_500_000 && remaining <= 3_600_000, String(remaining));
    await agent.until(/stands in the job's record/);
    const url = 'https://demo.bastion.localhost/';
    assert.match(asked(), new RegExp(`^update jobid=4711 comment=${url}$`, 'm'));
    assert.equal(readFileSync(urlFile, 'utf8'), `${url}\n`);
    const line = (await agent.until(/^\{"event":"registered".*\}$/m))[0];
    assert.deepEqual(JSON.parse(line), {
      event: 'registered',
      name: 'demo',
      url,
      job: { scheduler: 'slurm', id: '4711', node: 'wn-17', owner: 'alice' },
    });
    assert.doesNotMatch(agent.output + asked() + readFileSync(urlFile, 'utf8'), /#postern=|token-of-the-test/);
    agent.process.kill('SIGTERM');
    await agent.exited;
    assert.ok(existsSync(urlFile), 'the next run of the job has the same address');
  }));

test('--job none asks nobody, and --job slurm outside of Slurm is refused', () =>
  withBastion(async (bastion) => {
    const { folder, asked } = standIn(bastion, 'scontrol', '');
    const env = { PATH: `${folder}:${process.env['PATH']}`, SLURM_JOB_ID: '4711' };
    const agent = new AgentProgram(bastion, 'run', ['--job', 'none', '--time-limit', '1h', ...server()], env);
    const { registration } = await bastion.arrival();
    assert.equal(registration.job?.scheduler, 'none');
    assert.ok((registration.job?.remainingMs ?? 0) > 3_500_000);
    agent.process.kill('SIGTERM');
    await agent.exited;
    assert.equal(asked(), '');
    const wrong = new AgentProgram(bastion, 'run', ['--job', 'slurm', ...server()], { SLURM_JOB_ID: '' });
    assert.equal((await wrong.exited).code, 2);
    assert.match(wrong.output, /--job slurm/);
  }));

test('SIGTERM from a batch system is told as preemption before the command ends, from nobody in particular as an end', () =>
  withBastion(async (bastion) => {
    const slow = server(`process.on('SIGTERM', () => setTimeout(() => process.exit(9), 300))`);
    for (const [env, state] of [
      [{ SLURM_JOB_ID: '4711' }, 'preempted'],
      [{}, 'ending'],
    ] as const) {
      const agent = new AgentProgram(bastion, 'run', slow, env);
      const arrived = await bastion.arrival(bastion.arrivals.length + 1);
      await agent.until(/The notebook answers/);
      agent.process.kill('SIGTERM');
      const told = await info(arrived, ({ type }) => type === 'job');
      assert.ok(told.type === 'job');
      assert.deepEqual([told.state, told.reason], [state, 'it got SIGTERM']);
      assert.ok(!arrived.infos.some((other) => other.type === 'readiness' && other.exit !== undefined));
      assert.equal((await agent.exited).code, 9);
    }
  }));

test('a command that does not end within --stop-grace is killed', () =>
  withBastion(async (bastion) => {
    const agent = new AgentProgram(bastion, 'run', [
      '--stop-grace',
      '300ms',
      ...server(`process.on('SIGTERM', () => console.log('IGNORED'))`),
    ]);
    await agent.until(/The notebook answers/);
    agent.process.kill('SIGTERM');
    await agent.until(/IGNORED/);
    assert.equal((await agent.exited).code, 137);
  }));

test('what nobody uses is stopped after --idle-timeout, and the bastion is told why', () =>
  withBastion(async (bastion) => {
    const agent = new AgentProgram(bastion, 'run', ['--idle-timeout', '1500ms', ...server()]);
    const arrived = await bastion.arrival();
    await agent.until(/The notebook answers/);
    const keep = setInterval(() => arrived.session.sendInfo({ type: 'activity', connections: 0, requestMs: 0 }), 200);
    await new Promise((resolve) => setTimeout(resolve, 2500));
    assert.equal(agent.process.exitCode, null, 'it is used');
    clearInterval(keep);
    const idle = await info(arrived, (one) => one.type === 'idle' && one.idleMs > 0);
    assert.ok(idle.type === 'idle' && idle.stopMs !== undefined);
    const told = await info(arrived, ({ type }) => type === 'job');
    assert.ok(told.type === 'job' && told.state === 'ending');
    assert.match(told.reason ?? '', /^nobody used it for 2 s$/);
    assert.equal((await agent.exited).code, 143);
  }));

// kill -9 of the agent must not leave a notebook behind that nobody reaches and nobody stops.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import test from 'node:test';

import { AgentProgram, server } from '../support/agent-program.ts';
import { BareBastion } from '../support/bare-bastion.ts';

const guarded = spawnSync('setpriv', ['--pdeathsig', 'TERM', '--', 'true']).status === 0;

test(
  'the command gets SIGTERM when its agent is killed',
  { skip: guarded ? false : 'no setpriv of util-linux here' },
  async () => {
    const bastion = await new BareBastion().listen();
    const agent = new AgentProgram(
      bastion,
      'run',
      server(`process.on('SIGTERM', () => { console.log('TOLD TO END'); process.exit(0); });`),
    );
    await agent.until(/LISTENS/);
    agent.process.kill('SIGKILL');
    // `exited` waits for the outputs, which the command holds open until its own end.
    assert.equal((await agent.exited).signal, 'SIGKILL');
    assert.match(agent.output, /TOLD TO END/);
    await bastion.close();
  },
);

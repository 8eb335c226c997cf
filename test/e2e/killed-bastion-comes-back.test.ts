// kill -9 of the bastion and a new one on the same state: the agent comes back by itself, and visitors stay signed in.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connectKernel, execute, startKernel } from '../../contrib/demo/kernel.ts';
import { JupyterWorld, skipWithoutJupyterLab, until } from '../support/jupyter-world.ts';

test('a restarted bastion serves the same notebook to the same cookie', { skip: skipWithoutJupyterLab }, async () => {
  await using world = await JupyterWorld.start();
  const owner = await world.owner();
  const kernel = await startKernel(owner);
  const before = await connectKernel(owner, kernel);
  assert.equal(await execute(before, 'kept = 6 * 7; kept', 60_000), '42');

  const cut = new Promise((resolve) => before.once('close', resolve));
  await world.bastion.child.stop(10_000, 'SIGKILL');
  await cut;
  await world.restartBastion();

  const answers = async () => ((await owner.ask('/api/status')).status === 200 ? true : undefined);
  await until(answers, 60_000, 'the agent is back');
  const after = await connectKernel(owner, kernel);
  assert.equal(await execute(after, 'kept', 60_000), '42', 'the notebook never noticed');
  after.terminate();
});

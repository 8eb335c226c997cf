// kill -9 of the agent: visitors get the page that says so, with its code, instead of an error of the browser's.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { JupyterWorld, skipWithoutJupyterLab, until } from '../support/jupyter-world.ts';

const skip = skipWithoutJupyterLab;

test('after kill -9 of the agent, visitors read that it is not connected', { skip }, async () => {
  // Until then the bastion hopes that only the network broke, and visitors wait.
  await using world = await JupyterWorld.start({ bastionOptions: ['--resume-grace', '2s'] });
  const owner = await world.owner();
  assert.equal((await owner.ask('/api/status')).status, 200);

  await world.agent.child.stop(10_000, 'SIGKILL');

  const absent = async (): Promise<true | undefined> => {
    const answer = await owner.ask('/api/status', { headers: { accept: 'application/json' } });
    assert.equal(answer.status, 503);
    const { code } = JSON.parse(answer.body.toString('utf8')) as { code: string };
    return code === 'tunnel-absent' ? true : undefined;
  };
  await until(absent, 30_000, 'the code tunnel-absent');
  const page = await owner.ask('/lab', { headers: { accept: 'text/html' } });
  assert.equal(page.status, 503);
  assert.match(page.body.toString('utf8'), /tunnel-absent/);
});

// kill -9 of the agent: visitors get the page that says so, with its code, instead of an error of the browser's.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { JupyterWorld, skipWithoutJupyterLab, until } from '../support/jupyter-world.ts';

test(
  'after kill -9 of the agent, visitors read that it is not connected',
  { skip: skipWithoutJupyterLab },
  async () => {
    await using world = await JupyterWorld.start();
    const owner = await world.owner();
    assert.equal((await owner.ask('/api/status')).status, 200);

    await world.agent.child.stop(10_000, 'SIGKILL');

    const refused = async () => {
      const answer = await owner.ask('/api/status', { headers: { accept: 'application/json' } });
      return answer.status === 503 ? answer : undefined;
    };
    const answer = await until(refused, 90_000, 'a 503');
    assert.equal((JSON.parse(answer.body.toString('utf8')) as { code: string }).code, 'tunnel-absent');
    const page = await owner.ask('/lab', { headers: { accept: 'text/html' } });
    assert.equal(page.status, 503);
    assert.match(page.body.toString('utf8'), /tunnel-absent/);
  },
);

// Ctrl-C ends the demo with everything it started: bastion, agent, JupyterLab and its kernels.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { resolve } from 'node:path';
import { test } from 'node:test';
import { Child, childEnvironment } from '../../contrib/demo/child.ts';
import { MARKER, leftovers } from '../../contrib/demo/leftovers.ts';
import { skipWithoutJupyterLab } from '../support/jupyter-world.ts';

const DEMO = resolve(import.meta.dirname, '../../contrib/demo/demo.ts');
const LINK = /^ {2}(https:\/\/demo\.notebooks\.localhost:\d+\/#postern=\S+)$/;

test('Ctrl-C stops the demo cleanly, and nothing is left', { skip: skipWithoutJupyterLab }, async () => {
  const id = randomBytes(8).toString('hex');
  const command = [process.execPath, DEMO];
  const demo = new Child({ name: 'demo', command, env: childEnvironment({ [MARKER]: id }) });
  await demo.line((line) => LINK.exec(line)?.[1], 120_000);
  assert.ok(leftovers(id).length >= 4, 'the demo, a bastion, an agent and JupyterLab run');
  const { code } = await demo.stop(30_000, 'SIGINT');
  assert.equal(code, 0, demo.lastWords);
  assert.deepEqual(leftovers(id), []);
});

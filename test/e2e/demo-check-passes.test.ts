// `npm run demo -- --check` does all that it promises, says so as JSON on its last line, and leaves no process behind.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { resolve } from 'node:path';
import { test } from 'node:test';
import { Child, childEnvironment } from '../../contrib/demo/child.ts';
import { MARKER, leftovers } from '../../contrib/demo/leftovers.ts';
import { skipWithoutJupyterLab } from '../support/jupyter-world.ts';

const DEMO = resolve(import.meta.dirname, '../../contrib/demo/demo.ts');

test('the demo checks itself: page, kernel, 100 MB both ways', { skip: skipWithoutJupyterLab }, async () => {
  const id = randomBytes(8).toString('hex');
  const output: string[] = [];
  const demo = new Child({
    name: 'demo',
    command: [process.execPath, DEMO, '--check'],
    env: childEnvironment({ [MARKER]: id }),
    onLine: (line, source) => void (source === 'stdout' && output.push(line)),
  });
  const { code } = await demo.exited;
  assert.equal(code, 0, demo.lastWords);
  const summary = JSON.parse(output.at(-1) ?? '') as { ok: boolean; steps: { step: string; ok: boolean }[] };
  assert.equal(summary.ok, true);
  assert.ok(summary.steps.some(({ step, ok }) => ok && step.includes('6*7 is 42')));
  assert.ok(summary.steps.some(({ step, ok }) => ok && step.includes('come down unchanged')));
  assert.deepEqual(leftovers(id), []);
});

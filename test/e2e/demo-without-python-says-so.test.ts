// On a machine without Python the demo says so, serves its built-in page through the tunnel, and the check does not pass.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { childEnvironment, runToEnd } from '../../contrib/demo/child.ts';

const DEMO = resolve(import.meta.dirname, '../../contrib/demo/demo.ts');

test('without Python the demo serves a page of its own and says why', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'postern-nothing-'));
  try {
    const env = childEnvironment({ PATH: folder, JUPYTERLAB_CACHE: join(folder, 'cache') });
    const { code, output } = await runToEnd({ name: 'demo', command: [process.execPath, DEMO, '--check'], env });
    assert.match(output, /JupyterLab is not available: there is no Python 3 here/);
    const summary = JSON.parse(output.split('\n').at(-1) ?? '') as {
      ok: boolean;
      jupyterlab: null;
      steps: { step: string; ok: boolean }[];
    };
    assert.equal(code, 1, 'nothing was proved about JupyterLab');
    assert.equal(summary.jupyterlab, null);
    assert.deepEqual(
      summary.steps.map(({ ok }) => ok),
      [true, true, true],
      output,
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

// Inputs that grow towards code that none has reached yet, from the same seed each time: nothing of it breaks a promise.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { test } from 'node:test';

import { TARGETS } from '../fuzz/targets.ts';

const RUN = join(import.meta.dirname, '..', 'fuzz', 'run.ts');
/** As many inputs as any machine tries in a few seconds; `npm run fuzz -- TARGET` goes on for as long as one likes. */
const RUNS = 2000;
/** Where a slow machine stops, in seconds. */
const SECONDS = 5;

for (const { name, least } of TARGETS)
  test(`${name}: ${RUNS} inputs`, async (t) => {
    // A process of its own: what was loaded before would not be instrumented, and what is left behind shows.
    const args = ['--expose-gc', RUN, name, '--seed', '20261122', '--runs', `${RUNS}`, '--seconds', `${SECONDS}`];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    for (const output of [child.stdout, child.stderr])
      output.setEncoding('utf8').on('data', (text: string) => (said += text));
    t.after(() => child.kill('SIGKILL'));
    const [code] = (await once(child, 'close')) as [number];
    assert.equal(code, 0, said);
    const reached = [...said.matchAll(/(\d+) of \d+ blocks/g)].reduce((sum, [, blocks]) => sum + Number(blocks), 0);
    // If this falls, the corpus no longer gets past the first check of something: see CONTRIBUTING.md.
    assert.ok(reached >= least, `${reached} blocks reached, at least ${least} expected:\n${said}`);
    t.diagnostic(`${reached} blocks`);
  });

// --idle-timeout with a real JupyterLab: a busy kernel without a browser is kept, an open tab with an idle kernel is not.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Page } from 'playwright-core';
import { connectKernel, startKernel } from '../../contrib/demo/kernel.ts';
import type { Visitor } from '../../contrib/demo/visitor.ts';
import { findBrowser, openBrowser, type Browser } from '../support/browser.ts';
import { JupyterWorld, skipWithoutJupyterLab, until } from '../support/jupyter-world.ts';
import { NOTEBOOK } from '../support/notebook.ts';

const found = findBrowser();
const LAB_MS = 60_000;

/** Milliseconds until the agent has ended by itself; rejects when that takes longer than `withinMs`. */
async function ends(world: JupyterWorld, withinMs: number): Promise<number> {
  const started = performance.now();
  const late = new Promise<never>((_, reject) => {
    setTimeout(() => reject(new Error(`the agent still runs after ${withinMs} ms`)), withinMs).unref();
  });
  await Promise.race([world.agent.child.exited, late]);
  return performance.now() - started;
}

async function status(owner: Visitor): Promise<{ idleSince?: number; stopAt?: number; state: string }> {
  return (await owner.json('/_postern/status')) as { state: string };
}

test('nobody at all: it is stopped when the time is over', { skip: skipWithoutJupyterLab }, async () => {
  await using world = await JupyterWorld.start({ agentOptions: ['--idle-timeout', '6s'] });
  const owner = await world.owner();
  await until(async () => (await status(owner)).stopAt, 10_000, 'the owner can see when it is stopped');
  await ends(world, 20_000);
  assert.match(world.agent.child.lastWords, /nobody used|Nobody used/);
  const answer = await owner.ask('/lab', { headers: { accept: 'application/json' } });
  assert.equal((JSON.parse(answer.body.toString('utf8')) as { code: string }).code, 'job-ended');
});

test(
  'a busy kernel and no browser: it is kept until the kernel has ended',
  { skip: skipWithoutJupyterLab },
  async () => {
    await using world = await JupyterWorld.start({ agentOptions: ['--idle-timeout', '6s'] });
    const owner = await world.owner();
    const socket = await connectKernel(owner, await startKernel(owner));
    socket.send(
      JSON.stringify({
        header: { msg_id: 'a', msg_type: 'execute_request', session: 's', username: 'u', version: '5.3', date: '' },
        ...{ parent_header: {}, metadata: {}, buffers: [], channel: 'shell' },
        content: { code: 'import time; time.sleep(20)', silent: false, store_history: false, allow_stdin: false },
      }),
    );
    const busy = async (): Promise<true | undefined> => {
      const kernels = (await owner.json('/api/kernels?no_track_activity=1')) as unknown as {
        execution_state: string;
      }[];
      return kernels[0]?.execution_state === 'busy' ? true : undefined;
    };
    await until(busy, 10_000, 'the kernel is busy');
    socket.terminate();
    owner.close();
    const took = await ends(world, 50_000);
    assert.ok(took > 20_000, `stopped after ${Math.round(took)} ms, while the kernel was busy`);
  },
);

test(
  'an open tab with an idle kernel: a notice in the page, kept by its button, then stopped',
  { skip: 'reason' in found ? found.reason : skipWithoutJupyterLab },
  async () => {
    await using world = await JupyterWorld.start({
      notebooks: { 'postern.ipynb': NOTEBOOK },
      agentOptions: ['--idle-timeout', '24s'],
    });
    const browser = await openBrowser((found as { browser: Browser }).browser, world.bastion.ca);
    try {
      const page = await browser.context.newPage();
      await page.goto(world.agent.link);
      await page.waitForURL((url) => url.pathname.startsWith('/lab'), { timeout: LAB_MS });
      await page.goto(`${world.agent.origin}/lab/tree/postern.ipynb`);
      await page.getByText('Python 3 (ipykernel) | Idle').waitFor({ timeout: LAB_MS });
      const keep = page.getByRole('button', { name: 'Keep it running' });
      await keep.waitFor({ timeout: 60_000 });
      assert.match(await noticeOf(page), /Nobody seems to use this notebook: it is stopped in \d+ s/);
      await keep.click();
      await keep.waitFor({ state: 'hidden', timeout: 10_000 });
      await keep.waitFor({ timeout: 60_000 });
      await ends(world, 40_000);
      await page.getByText('has ended').first().waitFor({ timeout: 30_000 });
    } finally {
      await browser.close();
    }
  },
);

async function noticeOf(page: Page): Promise<string> {
  return (await page.locator('postern-notice div div').first().textContent()) ?? '';
}

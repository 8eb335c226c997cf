// A batch system evicts the job and starts it again elsewhere: the tab that was open says so, and is back by itself.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Page } from 'playwright-core';
import { findBrowser, openBrowser, type Browser } from '../support/browser.ts';
import { JupyterWorld, skipWithoutJupyterLab } from '../support/jupyter-world.ts';
import { NOTEBOOK } from '../support/notebook.ts';

const found = findBrowser();
const skip = 'reason' in found ? found.reason : skipWithoutJupyterLab;
const LAB_MS = 60_000;

test('after an eviction the tab is back at the same address, and its cells run on the new node', { skip }, async () => {
  await using world = await JupyterWorld.start({
    notebooks: { 'postern.ipynb': NOTEBOOK },
    environment: { BATCH_SYSTEM: 'HTCondor' },
  });
  const { link, origin, child } = world.agent;
  const browser = await openBrowser((found as { browser: Browser }).browser, world.bastion.ca);
  try {
    const page = await browser.context.newPage();
    const dialogs: string[] = [];
    page.on('dialog', (dialog) => {
      dialogs.push(dialog.message());
      void dialog.accept();
    });
    await page.goto(link);
    await page.waitForURL((url) => url.pathname.startsWith('/lab'), { timeout: LAB_MS });
    await page.goto(`${origin}/lab/tree/postern.ipynb`);
    await runFirstCell(page);
    await page.keyboard.press('Control+S');
    await page.evaluate('window.before = true');

    child.signal('SIGTERM');
    assert.equal((await child.exited).signal, null, 'it ended by itself');
    await page.getByText('The batch system').first().waitFor({ timeout: 60_000 });

    await world.restartElsewhere();
    assert.equal(world.agent.origin, origin);
    await page.waitForFunction('window.before === undefined', undefined, { timeout: 60_000 });
    assert.ok(page.url().startsWith(`${origin}/lab`), page.url());
    await runFirstCell(page);
    assert.deepEqual(dialogs, [], 'what was saved needs no question');
  } finally {
    await browser.close();
  }
});

async function runFirstCell(page: Page): Promise<void> {
  await page.getByText('Python 3 (ipykernel) | Idle').waitFor({ timeout: LAB_MS });
  await page.locator('.jp-Notebook .jp-CodeCell').first().locator('.cm-content').click();
  await page.keyboard.press('Shift+Enter');
  await page.locator('.jp-OutputArea-output', { hasText: '42' }).first().waitFor({ timeout: LAB_MS });
}

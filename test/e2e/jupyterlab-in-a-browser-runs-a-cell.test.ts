// The owner opens the link in a real browser that trusts the CA, JupyterLab appears, and a cell runs.
// With SCREENSHOT set, the picture that the README shows is taken anew.

import assert from 'node:assert/strict';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import type { Page } from 'playwright-core';
import { findBrowser, openBrowser } from '../support/browser.ts';
import type { Browser } from '../support/browser.ts';
import { JupyterWorld, skipWithoutJupyterLab } from '../support/jupyter-world.ts';
import { NOTEBOOK } from '../support/notebook.ts';

const PICTURE = resolve(import.meta.dirname, '../../docs/images/jupyterlab.png');
const found = findBrowser();
const skip = 'reason' in found ? found.reason : skipWithoutJupyterLab;
const LAB_MS = 60_000;

test('the owner opens JupyterLab with the link, runs a cell and sees its output', { skip }, async () => {
  await using world = await JupyterWorld.start({ notebooks: { 'postern.ipynb': NOTEBOOK } });
  const browser = await openBrowser((found as { browser: Browser }).browser, world.bastion.ca);
  try {
    const page = await browser.context.newPage();
    const requests: string[] = [];
    page.on('request', (request) => requests.push(request.url()));
    await page.goto(world.agent.link);
    await page.waitForURL((url) => url.pathname.startsWith('/lab'), { timeout: LAB_MS });
    await openNotebook(page, world.agent.origin);
    await runAll(page);
    assert.ok(!page.url().includes('postern='), 'the secret has left the address bar');
    assert.ok(!requests.some((url) => url.includes(world.agent.secret) && !url.includes('#')));
    if (process.env['SCREENSHOT'] !== undefined) await page.screenshot({ path: PICTURE });
  } finally {
    await browser.close();
  }
});

async function openNotebook(page: Page, origin: string): Promise<void> {
  await page.goto(`${origin}${join('/lab/tree', 'postern.ipynb')}`);
  await page.locator('.jp-Notebook .jp-CodeCell').first().waitFor({ timeout: LAB_MS });
  // Before its kernel is there, JupyterLab ignores the wish to run a cell; the status bar tells.
  await page.getByText('Python 3 (ipykernel) | Idle').waitFor({ timeout: LAB_MS });
}

async function runAll(page: Page): Promise<void> {
  const cells = page.locator('.jp-Notebook .jp-CodeCell');
  const expected = [
    page.locator('.jp-OutputArea-output', { hasText: '42' }),
    page.locator('.jp-OutputArea-output').locator('svg, img'),
  ];
  for (const [index, output] of expected.entries()) {
    await cells.nth(index).locator('.cm-content').click();
    await page.keyboard.press('Shift+Enter');
    await output.first().waitFor({ timeout: LAB_MS });
  }
}

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
  await using world = await JupyterWorld.start({ 'postern.ipynb': NOTEBOOK });
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
  // Cells can be run once the kernel is there.
  await page.locator('.jp-Notebook-ExecutionIndicator[data-status="idle"]').waitFor({ timeout: LAB_MS });
}

async function runAll(page: Page): Promise<void> {
  const cells = page.locator('.jp-Notebook .jp-CodeCell');
  await page.locator('.jp-Notebook .jp-MarkdownCell').first().click();
  for (let cell = 0; cell < 3; cell += 1) await page.keyboard.press('Shift+Enter');
  await cells.nth(0).locator('.jp-OutputArea-output', { hasText: '42' }).waitFor({ timeout: LAB_MS });
  await cells.nth(1).locator('.jp-OutputArea-output svg').waitFor({ timeout: LAB_MS });
}

// A real browser speaks HTTP/2 with the bastion from the page to the kernel's WebSocket, and JupyterLab works by it.

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { eventually } from '../support/bastion-world.ts';
import { findBrowser, openBrowser } from '../support/browser.ts';
import type { Browser } from '../support/browser.ts';
import { JupyterWorld, skipWithoutJupyterLab } from '../support/jupyter-world.ts';
import { NOTEBOOK } from '../support/notebook.ts';

const found = findBrowser();
const skip = 'reason' in found ? found.reason : skipWithoutJupyterLab;
const LAB_MS = 60_000;

/** Runs in the page: how everything of it that came from its own host did. */
const PROTOCOLS = `[...new Set(
  [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]
    .filter(({ name }) => name.startsWith(location.origin))
    .map(({ nextHopProtocol }) => nextHopProtocol)
)]`;

interface Line {
  readonly protocol: string;
  readonly upgrade: boolean;
  readonly status: number;
  readonly path: string;
  readonly bytesIn: number;
}

test('everything of JupyterLab goes over HTTP/2, a running cell included', { skip }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'postern-log-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const log = join(folder, 'access.log');
  await using world = await JupyterWorld.start({
    notebooks: { 'postern.ipynb': NOTEBOOK },
    bastionOptions: ['--access-log', log],
  });
  const lines = (): Line[] =>
    readFileSync(log, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Line);
  const before = lines().length;
  const browser = await openBrowser((found as { browser: Browser }).browser, world.bastion.ca);
  try {
    const page = await browser.context.newPage();
    await page.goto(world.agent.link);
    await page.waitForURL((url) => url.pathname.startsWith('/lab'), { timeout: LAB_MS });
    await page.goto(`${world.agent.origin}/lab/tree/postern.ipynb`);
    await page.getByText('Python 3 (ipykernel) | Idle').waitFor({ timeout: LAB_MS });
    await page.locator('.jp-Notebook .jp-CodeCell .cm-content').first().click();
    await page.keyboard.press('Shift+Enter');
    await page.locator('.jp-OutputArea-output', { hasText: '42' }).first().waitFor({ timeout: LAB_MS });
    const protocols = await page.evaluate<string[]>(PROTOCOLS);
    // What came from the browser's cache has no protocol.
    assert.deepEqual(
      protocols.filter((protocol) => protocol !== ''),
      ['h2'],
    );
  } finally {
    await browser.close();
  }
  // The line of a WebSocket comes with its end.
  await eventually(() => lines().some(({ path, upgrade }) => upgrade && path.endsWith('/channels')), 'a WebSocket');
  const visited = lines().slice(before);
  assert.ok(visited.length > 50, `${visited.length} exchanges`);
  assert.deepEqual([...new Set(visited.map(({ protocol }) => protocol))], ['HTTP/2']);
  const channels = visited.find(({ path, upgrade }) => upgrade && path.endsWith('/channels'));
  assert.equal(channels?.status, 200);
  assert.ok((channels?.bytesIn ?? 0) > 100);
  // Status 0 is the browser's own doing: it gives up what it was loading when it goes to another page.
  const failed = visited.filter(({ status }) => status >= 500);
  assert.deepEqual(failed, []);
});

// One agent, JupyterLab and a Dask dashboard: the owner enters once, and both work in a browser, each at a host of its own.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Child } from '../../contrib/demo/child.ts';
import { MARKER } from '../../contrib/demo/leftovers.ts';
import { freePort } from '../../contrib/demo/programs.ts';
import { findBrowser, openBrowser } from '../support/browser.ts';
import type { Browser } from '../support/browser.ts';
import { findDask } from '../support/dask.ts';
import { JupyterWorld, skipWithoutJupyterLab } from '../support/jupyter-world.ts';

const found = findBrowser();
const python = findDask();
const noDask = python === undefined ? 'no Dask here: node test/support/prepare.ts says why' : false;
const skip = 'reason' in found ? found.reason : skipWithoutJupyterLab !== false ? skipWithoutJupyterLab : noDask;
const LOAD_MS = 60_000;

test(
  'a dashboard that is started later is waited for, opens without a second link, and updates itself',
  { skip },
  async () => {
    const port = await freePort(0);
    await using world = await JupyterWorld.start({ agentOptions: ['--allow-port', String(port)] });
    const { context, close } = await openBrowser((found as { browser: Browser }).browser, world.bastion.ca);
    const dashboard = world.agent.origin.replace('//demo.', `//demo--${port}.`);
    try {
      const page = await context.newPage();
      await page.goto(world.agent.link);
      await page.waitForURL((url) => url.pathname.startsWith('/lab'), { timeout: LOAD_MS });

      // In a tab of its own, as a link on a page of JupyterLab opens it.
      const tab = await context.newPage();
      const asked: string[] = [];
      tab.on('request', (request) => asked.push(request.url()));
      const first = await tab.goto(`${dashboard}/status`);
      assert.equal(first?.status(), 503);
      await tab.getByText('service-silent').waitFor();
      assert.equal(tab.url(), `${dashboard}/status`);
      assert.ok(asked.some((url) => url.startsWith(`${world.agent.origin}/_postern/pass?`)));

      await using dask = scheduler(world.run.id, world.run.folder, port);
      assert.ok(dask.child.running);
      // The page tries again by itself.
      await tab.getByText('Task Stream').first().waitFor({ state: 'attached', timeout: LOAD_MS });
      await tab.waitForFunction(
        () => (globalThis as { Bokeh?: { documents: unknown[] } }).Bokeh?.documents.length === 1,
      );
      const sockets = await webSockets(tab, () => tab.reload());
      assert.ok(
        sockets.some((url) => url.startsWith(dashboard.replace('https:', 'wss:'))),
        sockets.join(' '),
      );
      const cookies = (await context.cookies()).filter(({ name }) => name.startsWith('__Host-postern'));
      assert.deepEqual(
        cookies.map(({ domain }) => domain).toSorted(),
        [new URL(dashboard).hostname, new URL(world.agent.origin).hostname].toSorted(),
      );
    } finally {
      await close();
    }
  },
);

test('whoever has not entered reads the page of the name, and nothing of the dashboard', { skip }, async () => {
  const port = await freePort(0);
  await using world = await JupyterWorld.start({ agentOptions: ['--allow-port', String(port)] });
  const { context, close } = await openBrowser((found as { browser: Browser }).browser, world.bastion.ca);
  const dashboard = world.agent.origin.replace('//demo.', `//demo--${port}.`);
  try {
    const page = await context.newPage();
    const answer = await page.goto(`${dashboard}/status`);
    assert.equal(answer?.status(), 401);
    assert.equal(new URL(page.url()).host, new URL(world.agent.origin).host);
    // The link in the fragment is good here, too, and leads on to where the visitor wanted to go.
    await page.goto(`${dashboard}/status#postern=${world.agent.secret}`);
    await page.waitForURL(`${dashboard}/status`, { timeout: LOAD_MS });
    await page.getByText('service-silent').waitFor();
  } finally {
    await close();
  }
});

function scheduler(id: string, folder: string, port: number): AsyncDisposable & { child: Child } {
  const options = ['--host', '127.0.0.1', '--port', '0', '--dashboard-address', `127.0.0.1:${port}`, '--no-jupyter'];
  const child = new Child({
    name: 'dask',
    command: [python as string, '-m', 'distributed.cli.dask_scheduler', ...options],
    cwd: folder,
    env: { ...process.env, [MARKER]: id },
  });
  return { child, [Symbol.asyncDispose]: async () => void (await child.stop()) };
}

async function webSockets(
  tab: { on(event: 'websocket', listener: (socket: { url(): string }) => void): unknown },
  act: () => Promise<unknown>,
): Promise<string[]> {
  const urls: string[] = [];
  const one = new Promise<void>((resolve) => {
    tab.on('websocket', (socket) => {
      urls.push(socket.url());
      resolve();
    });
  });
  await act();
  await one;
  return urls;
}

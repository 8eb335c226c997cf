// Brings what the tests need and this machine lacks (JupyterLab and Dask from PyPI, Chromium, HAProxy and nginx from Debian), and says why where it can't.

import { pathToFileURL } from 'node:url';
import { runToEnd } from '../../contrib/demo/child.ts';
import { obtainJupyterLab } from '../../contrib/demo/jupyterlab.ts';
import { findBrowser, programPath } from './browser.ts';
import { prepareDask } from './dask.ts';

type Say = (text: string) => void;

export interface Prepared {
  /** Sentences on what could not be had; the tests that need it are skipped with the same reason. */
  readonly missing: readonly string[];
}

const BROWSER_PACKAGES = ['chromium', 'libnss3-tools'];
/** What stands in front of a bastion elsewhere; packages and programs have the same name. */
const FRONT_PROGRAMS = ['haproxy', 'nginx'];

/** Idempotent, and quick when everything is there. Never rejects. */
export async function prepare(say: Say = (text) => console.error(text)): Promise<Prepared> {
  const reasons = [
    await prepareJupyterLab(say),
    await prepareDashboard(say),
    await prepareBrowser(say),
    await prepareFronts(say),
  ];
  const missing = reasons.filter((reason) => reason !== undefined);
  for (const reason of missing) say(`prepare: ${reason}`);
  return { missing };
}

async function prepareJupyterLab(say: Say): Promise<string | undefined> {
  const { lab, reason } = await obtainJupyterLab(say);
  return lab === undefined ? `no JupyterLab, so its tests are skipped: ${reason}` : undefined;
}

async function prepareDashboard(say: Say): Promise<string | undefined> {
  const reason = await prepareDask(say);
  return reason === undefined ? undefined : `no Dask, so its tests are skipped: ${reason}`;
}

async function prepareBrowser(say: Say): Promise<string | undefined> {
  if ('browser' in findBrowser()) return undefined;
  const failure = await installFromDebian(BROWSER_PACKAGES, say);
  const found = findBrowser();
  if ('browser' in found) return undefined;
  return `no browser, so its tests are skipped: ${found.reason}${failure === undefined ? '' : `; ${failure}`}`;
}

async function prepareFronts(say: Say): Promise<string | undefined> {
  const wanted = FRONT_PROGRAMS.filter((program) => programPath(program) === undefined);
  const failure = wanted.length === 0 ? undefined : await installFromDebian(wanted, say);
  return failure === undefined ? undefined : `no ${wanted.join(' and ')}, so their tests are skipped: ${failure}`;
}

async function installFromDebian(packages: readonly string[], say: Say): Promise<string | undefined> {
  const command = ['apt-get', 'install', '-y', '--no-install-recommends', ...packages];
  if (process.getuid?.() !== 0) return `not root, so not installed (as root: ${command.join(' ')})`;
  say(`prepare: ${command.join(' ')}`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const update = await runToEnd({ name: 'apt-get', command: ['apt-get', 'update'], env });
  if (update.code !== 0) return 'apt-get update failed';
  const install = await runToEnd({ name: 'apt-get', command, env });
  return install.code === 0 ? undefined : `apt-get failed: ${install.output.split('\n').at(-1)}`;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await prepare();

// What the demo runs behind the tunnel: JupyterLab on a private unix socket, or the built-in page in its place.

import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { JupyterLab } from './jupyterlab.ts';

const NOTIFICATIONS = ['settings', '@jupyterlab', 'apputils-extension', 'notification.jupyterlab-settings'];

/** JupyterLab's command line for the agent, which fills in {socket}; its files and settings stay inside `folder`. */
export function jupyterCommand(lab: JupyterLab, folder: string): readonly string[] {
  const files = join(folder, 'files');
  mkdirSync(files, { recursive: true });
  const notifications = join(folder, 'jupyter', ...NOTIFICATIONS);
  mkdirSync(dirname(notifications), { recursive: true });
  writeFileSync(notifications, '{ "fetchNews": "false", "checkForUpdates": false }\n');
  return [
    lab.program,
    '--no-browser',
    '--ServerApp.sock={socket}',
    `--ServerApp.root_dir=${files}`,
    // A demo talks to nobody but its visitor: no news feed, no look for updates, no extension market.
    '--LabApp.news_url=',
    '--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate',
    '--LabApp.extension_manager=readonly',
    ...(process.getuid?.() === 0 ? ['--allow-root'] : []),
  ];
}

/** Keeps the person's own Jupyter configuration, and any other, out of a run. */
export function jupyterEnvironment(folder: string): Record<string, string> {
  const place = (name: string): string => join(folder, 'jupyter', name);
  return {
    JUPYTER_CONFIG_DIR: place('config'),
    JUPYTER_DATA_DIR: place('data'),
    JUPYTER_RUNTIME_DIR: place('runtime'),
    JUPYTERLAB_SETTINGS_DIR: place('settings'),
    JUPYTERLAB_WORKSPACES_DIR: place('workspaces'),
    IPYTHONDIR: place('ipython'),
  };
}

export function pageCommand(): readonly string[] {
  return [process.execPath, join(import.meta.dirname, 'page.ts'), '{socket}'];
}

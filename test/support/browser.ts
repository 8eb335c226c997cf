// Headless Chromium that trusts a throw-away CA the way a person's browser does: through its certificate store.

import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { chromium } from 'playwright-core';
import type { BrowserContext } from 'playwright-core';
import { runToEnd } from '../../contrib/demo/child.ts';

export interface Browser {
  readonly chromium: string;
  readonly certutil: string;
}

export type FoundBrowser = { readonly browser: Browser } | { readonly reason: string };

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Chromium and certutil on the path, or why there is no browser. */
export function findBrowser(): FoundBrowser {
  const program = programPath('chromium') ?? programPath('chromium-browser');
  const certutil = programPath('certutil');
  if (program === undefined) return { reason: 'chromium is not installed' };
  if (certutil === undefined) return { reason: 'certutil (libnss3-tools) is not installed' };
  return { browser: { chromium: program, certutil } };
}

export interface OpenBrowser {
  readonly context: BrowserContext;
  close(): Promise<void>;
}

/** A browser with an empty profile whose only extra trust is `ca` (PEM). TLS errors are errors. */
export async function openBrowser(browser: Browser, ca: string): Promise<OpenBrowser> {
  const home = mkdtempSync(join(tmpdir(), 'postern-browser-'));
  await trust(browser.certutil, home, ca);
  const context = await chromium.launchPersistentContext(join(home, 'profile'), {
    executablePath: browser.chromium,
    headless: true,
    args: FLAGS,
    viewport: { width: 1280, height: 800 },
    env: { ...(process.env as Record<string, string>), HOME: home, XDG_DATA_HOME: join(home, '.local', 'share') },
  });
  return {
    context,
    async close() {
      await context.close();
      rmSync(home, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
    },
  };
}

async function trust(certutil: string, home: string, ca: string): Promise<void> {
  const file = join(home, 'ca.pem');
  writeFileSync(file, ca);
  // Chromium has read the first place for long; newer ones also look into the second.
  for (const place of [join(home, '.pki', 'nssdb'), join(home, '.local', 'share', 'pki', 'nssdb')]) {
    mkdirSync(place, { recursive: true, mode: 0o700 });
    const database = ['-d', `sql:${place}`];
    await must(certutil, ['-N', '--empty-password', ...database]);
    await must(certutil, ['-A', '-t', 'C,,', '-n', 'postern', '-i', file, ...database]);
  }
}

async function must(program: string, args: readonly string[]): Promise<void> {
  const { code, output } = await runToEnd({ name: program, command: [program, ...args] });
  if (code !== 0) throw new Error(`${program} ${args.join(' ')} failed: ${output}`);
}

/** Where the program is, also among those for administrators. */
export function programPath(program: string): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin'];
  return folders.map((folder) => join(folder, program)).find((path) => existsSync(path));
}

// Python programs from PyPI, each in a virtual environment of its own, with words on what is done and why it could not be.

import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { runToEnd } from './child.ts';

export type Say = (text: string) => void;

const PROGRESS_MS = 5_000;

/** A Python 3 on the path. */
export async function findPython(): Promise<string | undefined> {
  for (const python of ['python3', 'python']) {
    const { code, output } = await runToEnd({ name: python, command: [python, '--version'] });
    if (code === 0 && output.startsWith('Python 3.')) return python;
  }
  return undefined;
}

/** Makes the empty environment; answers why it could not. Debian's python3 lacks ensurepip, so there are three ways. */
export async function makeEnvironment(python: string, folder: string, say: Say): Promise<string | undefined> {
  const ways: readonly (readonly string[])[] = [
    [python, '-m', 'venv', folder],
    ['virtualenv', '--quiet', folder],
    [python, '-m', 'virtualenv', '--quiet', folder],
  ];
  mkdirSync(dirname(folder), { recursive: true });
  // JupyterLab runs a CommonJS program of its own with node, which would obey our package.json's "type" otherwise.
  writeFileSync(join(dirname(folder), 'package.json'), '{ "type": "commonjs" }\n');
  let output = '';
  for (const command of ways) {
    rmSync(folder, { recursive: true, force: true });
    say(`  ${command.join(' ')}`);
    const attempt = await runToEnd({ name: 'venv', command });
    if (attempt.code === 0) return undefined;
    output ||= attempt.output;
  }
  rmSync(folder, { recursive: true, force: true });
  if (/ensurepip|python3[\d.]*-venv/.test(output))
    return 'this Python cannot make virtual environments (on Debian: apt-get install python3-venv)';
  return `the virtual environment could not be made: ${lastLine(output)}`;
}

/** Installs into a virtual environment, which is removed when that fails; answers why it did. */
export async function pipInstall(
  folder: string,
  requirements: readonly string[],
  say: Say,
): Promise<string | undefined> {
  const pip = join(folder, 'bin', 'python');
  // Without an index, pip would otherwise try for minutes.
  const options = ['--disable-pip-version-check', '--no-input', '--retries', '0', '--timeout', '10'];
  const command = [pip, '-m', 'pip', 'install', ...options, ...requirements];
  say(`  pip install ${requirements.join(' ')}`);
  const started = Date.now();
  let collected = 0;
  let installing = false;
  let said = started;
  const { code, output } = await runToEnd({
    name: 'pip',
    command,
    onLine(line) {
      if (line.startsWith('Collecting ')) collected += 1;
      const begins = line.startsWith('Installing collected packages');
      installing ||= begins;
      if (!begins && Date.now() - said < PROGRESS_MS) return;
      said = Date.now();
      const seconds = Math.round((said - started) / 1000);
      say(`  ${installing ? `installing ${collected} packages` : `${collected} packages collected`}, ${seconds} s`);
    },
  });
  if (code === 0) return undefined;
  rmSync(folder, { recursive: true, force: true });
  return `pip could not install ${requirements.join(' ')} (is PyPI reachable from here?): ${lastLine(output)}`;
}

function lastLine(output: string): string {
  const lines = output.split('\n').filter((line) => line.trim() !== '');
  return lines.findLast((line) => /error/i.test(line)) ?? lines.at(-1) ?? 'no message';
}

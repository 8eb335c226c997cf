// Finds JupyterLab 4 on this machine, or brings it into a virtual environment below .cache/, saying what it does.

import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { runToEnd } from './child.ts';

export interface JupyterLab {
  /** The `jupyter-lab` program. */
  readonly program: string;
  readonly version: string;
}

/** Either a JupyterLab, or the reason why there is none, in a sentence for people. */
export interface Availability {
  readonly lab?: JupyterLab;
  readonly reason?: string;
}

type Say = (text: string) => void;

const ROOT = resolve(import.meta.dirname, '../..');
/** JUPYTERLAB_CACHE puts it elsewhere. */
const ENVIRONMENT = resolve(process.env['JUPYTERLAB_CACHE'] ?? join(ROOT, '.cache', 'jupyterlab'));
const REQUIREMENT = 'jupyterlab>=4,<5';
const PROGRESS_MS = 5_000;

/** The JupyterLab 4 that is there: our cached one, or the one on the path. */
export async function findJupyterLab(): Promise<JupyterLab | undefined> {
  const program = join(ENVIRONMENT, 'bin', 'jupyter-lab');
  // The mark is written last, so an interrupted installation does not count; asking the program itself takes seconds.
  if (existsSync(mark()) && existsSync(program)) return { program, version: readFileSync(mark(), 'utf8').trim() };
  return labAt('jupyter-lab');
}

/** The JupyterLab that is there, or a fresh one; else the reason in a sentence for people. */
export async function obtainJupyterLab(say: Say): Promise<Availability> {
  const found = await findJupyterLab();
  if (found !== undefined) return { lab: found };
  const python = await findPython();
  if (python === undefined) return { reason: 'there is no Python 3 here (python3 is not on the path)' };
  say(`No JupyterLab 4 here: bringing one into ${ENVIRONMENT} (once; about 250 MB).`);
  const failure = (await makeEnvironment(python, say)) ?? (await install(say));
  if (failure !== undefined) return { reason: failure };
  const lab = await labAt(join(ENVIRONMENT, 'bin', 'jupyter-lab'));
  if (lab === undefined) return { reason: 'JupyterLab was installed but does not start' };
  writeFileSync(mark(), `${lab.version}\n`);
  say(`JupyterLab ${lab.version} is ready.`);
  return { lab };
}

function mark(): string {
  return join(ENVIRONMENT, 'postern-ready');
}

async function labAt(program: string): Promise<JupyterLab | undefined> {
  const { code, output } = await runToEnd({ name: program, command: [program, '--version'] });
  const version = /^4\.\d+\S*$/m.exec(output)?.[0];
  return code === 0 && version !== undefined ? { program, version } : undefined;
}

async function findPython(): Promise<string | undefined> {
  for (const python of ['python3', 'python']) {
    const { code, output } = await runToEnd({ name: python, command: [python, '--version'] });
    if (code === 0 && output.startsWith('Python 3.')) return python;
  }
  return undefined;
}

/** Makes the empty environment; answers why it could not. Debian's python3 lacks ensurepip, so there are three ways. */
async function makeEnvironment(python: string, say: Say): Promise<string | undefined> {
  const ways: readonly (readonly string[])[] = [
    [python, '-m', 'venv', ENVIRONMENT],
    ['virtualenv', '--quiet', ENVIRONMENT],
    [python, '-m', 'virtualenv', '--quiet', ENVIRONMENT],
  ];
  mkdirSync(dirname(ENVIRONMENT), { recursive: true });
  // JupyterLab runs a CommonJS program of its own with node, which would obey our package.json's "type" otherwise.
  writeFileSync(join(dirname(ENVIRONMENT), 'package.json'), '{ "type": "commonjs" }\n');
  let output = '';
  for (const command of ways) {
    rmSync(ENVIRONMENT, { recursive: true, force: true });
    say(`  ${command.join(' ')}`);
    const attempt = await runToEnd({ name: 'venv', command });
    if (attempt.code === 0) return undefined;
    output ||= attempt.output;
  }
  rmSync(ENVIRONMENT, { recursive: true, force: true });
  if (/ensurepip|python3[\d.]*-venv/.test(output))
    return 'this Python cannot make virtual environments (on Debian: apt-get install python3-venv)';
  return `the virtual environment could not be made: ${lastLine(output)}`;
}

async function install(say: Say): Promise<string | undefined> {
  const pip = join(ENVIRONMENT, 'bin', 'python');
  // Without an index, pip would otherwise try for minutes.
  const options = ['--disable-pip-version-check', '--no-input', '--retries', '0', '--timeout', '10'];
  const command = [pip, '-m', 'pip', 'install', ...options, REQUIREMENT];
  say(`  pip install '${REQUIREMENT}'`);
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
  rmSync(ENVIRONMENT, { recursive: true, force: true });
  return `pip could not install JupyterLab (is PyPI reachable from here?): ${lastLine(output)}`;
}

function lastLine(output: string): string {
  const lines = output.split('\n').filter((line) => line.trim() !== '');
  return lines.findLast((line) => /error/i.test(line)) ?? lines.at(-1) ?? 'no message';
}

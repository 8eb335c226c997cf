// Finds JupyterLab 4 on this machine, or brings it into a virtual environment below .cache/, saying what it does.

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { runToEnd } from './child.ts';
import { findPython, makeEnvironment, pipInstall, type Say } from './python.ts';

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

const ROOT = resolve(import.meta.dirname, '../..');
/** JUPYTERLAB_CACHE puts it elsewhere. */
const ENVIRONMENT = resolve(process.env['JUPYTERLAB_CACHE'] ?? join(ROOT, '.cache', 'jupyterlab'));
const REQUIREMENT = 'jupyterlab>=4,<5';

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
  const failure =
    (await makeEnvironment(python, ENVIRONMENT, say)) ?? (await pipInstall(ENVIRONMENT, [REQUIREMENT], say));
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

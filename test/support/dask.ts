// Finds a Dask scheduler with its dashboard, or brings one into a virtual environment below .cache/ (once).

import { existsSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

import { findPython, makeEnvironment, pipInstall, type Say } from '../../contrib/demo/python.ts';

/** DASK_CACHE puts it elsewhere. */
const ENVIRONMENT = resolve(process.env['DASK_CACHE'] ?? join(import.meta.dirname, '..', '..', '.cache', 'dask'));
const MARK = join(ENVIRONMENT, 'postern-ready');
/** Bokeh draws the dashboard. */
const REQUIREMENTS = ['distributed>=2024', 'bokeh>=3.1'];

/** The Python to run `-m distributed.cli.dask_scheduler` with; undefined where there is none. */
export function findDask(): string | undefined {
  return existsSync(MARK) ? join(ENVIRONMENT, 'bin', 'python') : undefined;
}

/** Answers why there is no Dask; undefined when there is one. */
export async function prepareDask(say: Say): Promise<string | undefined> {
  if (findDask() !== undefined) return undefined;
  const python = await findPython();
  if (python === undefined) return 'there is no Python 3 here (python3 is not on the path)';
  say(`prepare: bringing a Dask dashboard into ${ENVIRONMENT} (once; about 150 MB)`);
  const failure =
    (await makeEnvironment(python, ENVIRONMENT, say)) ?? (await pipInstall(ENVIRONMENT, REQUIREMENTS, say));
  if (failure === undefined) writeFileSync(MARK, '');
  return failure;
}

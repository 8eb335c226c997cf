// npm run check: lint and walls, types, format, generated files, dead code; every step runs, then the verdict.

import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..', '..');
const bin = (name: string): string => join(root, 'node_modules', '.bin', name);

const STEPS: readonly (readonly [name: string, command: string, ...args: string[]])[] = [
  ['lint and walls', bin('oxlint'), '--type-aware', '--deny-warnings'],
  ['types', bin('tsc'), '-p', 'tsconfig.json'],
  ['format', bin('prettier'), '--check', '--log-level', 'warn', '.'],
  ['generated files', process.execPath, join(import.meta.dirname, 'generate-docs.ts'), '--check'],
  ['dead code', bin('knip'), '--no-progress'],
];

const failed = STEPS.filter(([name, command, ...args]) => {
  console.log(`\n== ${name}`);
  const started = performance.now();
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit' });
  if (error !== undefined) console.error(error.message);
  console.log(`== ${name}: ${status === 0 ? 'ok' : 'FAILED'} (${((performance.now() - started) / 1000).toFixed(1)} s)`);
  return status !== 0;
}).map(([name]) => name);

console.log(failed.length === 0 ? '\ncheck: all is well' : `\ncheck: failed: ${failed.join(', ')}`);
process.exitCode = failed.length === 0 ? 0 : 1;

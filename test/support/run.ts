// Runs the test levels in order (npm test [-- LEVEL ...]) and ends with one line: `N passed, N failed`.

import { spawnSync } from 'node:child_process';
import { existsSync, globSync } from 'node:fs';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { pathToFileURL } from 'node:url';

/** `POSTERN_FAULTS=long npm test -- faults`: the counts that take an hour. */
const FAULTS_MS = process.env['POSTERN_FAULTS'] === 'long' ? 7_200_000 : 300_000;

/** In the order in which they run: what is quick and says most about the cause of a failure comes first. */
const LEVELS = [
  { name: 'unit', fileTimeoutMs: 60_000, concurrency: 2 },
  { name: 'contract', fileTimeoutMs: 60_000, concurrency: 2 },
  { name: 'property', fileTimeoutMs: 180_000, concurrency: 2 },
  { name: 'integration', fileTimeoutMs: 180_000, concurrency: 2 },
  { name: 'security', fileTimeoutMs: 180_000, concurrency: 2 },
  { name: 'faults', fileTimeoutMs: FAULTS_MS, concurrency: 1 },
  { name: 'e2e', fileTimeoutMs: 900_000, concurrency: 1 },
] as const;
type Level = (typeof LEVELS)[number];

interface Tally {
  passed: number;
  failed: number;
  skipped: { readonly name: string; readonly reason: string }[];
  readonly failures: string[];
}

const root = join(import.meta.dirname, '..', '..');
const watchdog = pathToFileURL(join(import.meta.dirname, 'watchdog.ts')).href;
const abort = new AbortController();

async function runLevel(level: Level, tally: Tally): Promise<void> {
  const files = globSync(`test/${level.name}/**/*.test.ts`, { cwd: root }).toSorted();
  if (files.length === 0) return;
  console.log(`\n== ${level.name}: ${files.length} files`);
  const started = performance.now();
  const events = run({
    cwd: root,
    files: files.map((file) => join(root, file)),
    concurrency: level.concurrency,
    execArgv: ['--import', `${watchdog}?ms=${level.fileTimeoutMs}`],
    signal: abort.signal,
  });
  events.on('test:pass', (event) => {
    if (event.details.type === 'suite') return;
    if (event.skip !== undefined || event.todo !== undefined)
      tally.skipped.push({ name: event.name, reason: String(event.skip ?? event.todo) });
    else if (event.name.endsWith('.test.ts')) fail(tally, `${event.name} holds no test`);
    else tally.passed += 1;
  });
  events.on('test:fail', (event) => {
    if (event.details.type !== 'suite') fail(tally, `${event.file ?? level.name}: ${event.name}`);
  });
  const report = events.compose(spec);
  report.pipe(process.stdout, { end: false });
  await finished(report);
  console.log(`== ${level.name}: ${((performance.now() - started) / 1000).toFixed(1)} s`);
}

function fail(tally: Tally, what: string): void {
  tally.failed += 1;
  tally.failures.push(what);
}

/** Brings what the tests need; what it can't have it says, and the tests that need it skip with that reason. */
function prepare(levels: readonly Level[], tally: Tally): void {
  const script = join(import.meta.dirname, 'prepare.ts');
  if (!existsSync(script) || !levels.some(({ name }) => name === 'e2e')) return;
  const { status } = spawnSync(process.execPath, [script], { cwd: root, stdio: 'inherit' });
  if (status !== 0) fail(tally, `test/support/prepare.ts ended with ${status}`);
}

function chosenLevels(names: readonly string[]): readonly Level[] {
  const unknown = names.filter((name) => !LEVELS.some((level) => level.name === name));
  if (unknown.length > 0)
    throw new Error(`${unknown.join(', ')}: the levels are ${LEVELS.map((l) => l.name).join(', ')}`);
  return names.length === 0 ? LEVELS : LEVELS.filter(({ name }) => names.includes(name));
}

function summarise({ passed, failed, skipped, failures }: Tally): void {
  console.log('');
  for (const { name, reason } of skipped) console.log(`skipped: ${name} (${reason})`);
  for (const failure of failures) console.log(`failed:  ${failure}`);
  if (passed + failed === 0) console.log('no test ran');
  console.log(`${passed} passed, ${failed} failed`);
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => abort.abort());
const tally: Tally = { passed: 0, failed: 0, skipped: [], failures: [] };
const levels = chosenLevels(process.argv.slice(2));
prepare(levels, tally);
for (const level of levels) if (!abort.signal.aborted) await runLevel(level, tally);
summarise(tally);
process.exitCode = tally.failed > 0 || tally.passed === 0 || abort.signal.aborted ? 1 : 0;

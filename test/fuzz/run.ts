// `npm run fuzz -- TARGET [--seconds N]`: looks for inputs that break a promise, and says which code the inputs reached.

import { createHash, randomInt } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

import { randomFrom } from '../support/property.ts';
import { Coverage } from './instrument.ts';
import { fuzz, run, smallest, type Finding } from './loop.ts';
import { corpusFile, readCorpus, TARGETS, type TargetEntry } from './targets.ts';

const USAGE = `Usage: npm run fuzz -- TARGET [OPTIONS]

  TARGET         ${TARGETS.map(({ name }) => name).join(', ')}
  --seconds N    how long (default 60)
  --runs N       at most so many inputs
  --seed N       of the random numbers (default: another each time, and printed)
  --keep         write the fewest inputs that reach everything into test/fuzz/corpus
  --input FILE   run the inputs of a file, such as a finding's, and nothing else
`;
const FINDINGS = resolve(import.meta.dirname, '../../.cache/fuzz');
/** More than this on the heap than before, once garbage is gone, and something is kept that should not be. */
const HEAP_SLACK = 64 * 2 ** 20;

interface Options {
  readonly entry: TargetEntry;
  readonly seconds: number;
  readonly runs: number;
  readonly seed: number;
  readonly keep: boolean;
  readonly input: string | undefined;
}

function readOptions(): Options | undefined {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      seconds: { type: 'string', default: '60' },
      runs: { type: 'string', default: 'Infinity' },
      seed: { type: 'string' },
      keep: { type: 'boolean', default: false },
      input: { type: 'string' },
    },
  });
  const entry = TARGETS.find(({ name }) => name === positionals[0]);
  const [seconds, seed] = [
    Number(values.seconds),
    values.seed === undefined ? randomInt(2 ** 31) : Number(values.seed),
  ];
  if (entry === undefined || positionals.length > 1 || !(seconds > 0) || !Number.isInteger(seed)) return undefined;
  return { entry, seconds, runs: Number(values.runs), seed, keep: values.keep, input: values.input };
}

function heap(): number {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}

function report(entry: TargetEntry, coverage: Coverage): void {
  for (const file of entry.files) {
    const numbers = [...coverage.blocks.keys()].filter((index) => coverage.blocks[index]?.file === file);
    const missed = numbers.filter((index) => !coverage.reached(index)).map((index) => coverage.blocks[index]?.line);
    const share = numbers.length === 0 ? 'not loaded' : `${numbers.length - missed.length} of ${numbers.length} blocks`;
    const lines = [...new Set(missed)].join(', ');
    console.log(`  ${file}: ${share}${missed.length > 0 ? `; not lines ${lines}` : ''}`);
  }
}

function save(entry: TargetEntry, { input, error }: Finding): void {
  const hex = input.toString('hex');
  const file = join(FINDINGS, `${entry.name}-${createHash('sha256').update(hex).digest('hex').slice(0, 12)}.txt`);
  mkdirSync(FINDINGS, { recursive: true });
  writeFileSync(file, `${hex}\n`);
  console.error(`\nFINDING, in ${file}:\n${error instanceof Error ? error.stack : String(error)}`);
}

async function main(options: Options): Promise<number> {
  const { entry, seconds, runs: most, seed } = options;
  const coverage = new Coverage((path) => entry.files.includes(path));
  const { target } = await entry.load();
  if (options.input !== undefined) {
    const errors = [];
    for (const input of readCorpus(options.input)) errors.push(await run(target, input));
    for (const error of errors) console.error(error ?? 'nothing wrong');
    return errors.some((error) => error !== undefined) ? 1 : 0;
  }
  const seeds = readCorpus(corpusFile(entry.name));
  const [before, end] = [heap(), performance.now() + seconds * 1000];
  const random = randomFrom(seed);
  const found = await fuzz(target, {
    coverage,
    seeds,
    random,
    enough: (done) => done >= most || performance.now() > end,
  });
  const grown = heap() - before - found.kept.reduce((sum, input) => sum + input.length, 0);
  const { runs, kept, findings } = found;
  console.log(`${entry.name}: ${runs} inputs (seed ${seed}), ${kept.length - seeds.length} reached something new`);
  report(entry, coverage);
  console.log(`  heap: ${(grown / 2 ** 20).toFixed(1)} MiB more than before`);
  for (const finding of findings) save(entry, finding);
  if (options.keep) {
    const chosen = await smallest(target, kept, coverage);
    writeFileSync(corpusFile(entry.name), `${chosen.map((input) => input.toString('hex')).join('\n')}\n`);
    console.log(`  kept: ${chosen.length} inputs`);
  }
  if (grown > HEAP_SLACK) console.error('The heap grew: something is kept that should not be.');
  return findings.length > 0 || grown > HEAP_SLACK ? 1 : 0;
}

const options = readOptions();
if (options === undefined) process.stderr.write(USAGE);
process.exit(options === undefined ? 2 : await main(options));

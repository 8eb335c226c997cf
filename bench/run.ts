// `npm run bench`: postern beside its peers, in the same run on the same machine, one suite of scenarios after the other.

import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { parseArgs } from 'node:util';
import { killLeftovers } from '../contrib/demo/leftovers.ts';
import { missingFor } from './needs.ts';
import { report } from './report.ts';
import type { Extent, Sample, Suite } from './suite.ts';
import { SUITES } from './suites.ts';

const USAGE = `Usage: npm run bench [-- OPTIONS]

  --suite A,B         which suites, or all (default ${SUITES[0]?.name})
  --rounds N          slices for each peer and scenario, interleaved
  --seconds N         length of a slice
  --warm-up N         seconds of load before what is recorded, where a suite warms up
  --scenarios A,B     of the suite's, or all
  --peers A,B         only these of the suite's
  --save              write bench/results/SUITE.json and its picture in docs/images
  --help

${SUITES.map(describeSuite).join('\n')}`;

function describeSuite({ name, label, defaults, scenarios, peers }: Suite): string {
  const names = (all: readonly { readonly name: string }[]): string => all.map((one) => one.name).join(', ');
  const { rounds, seconds, warmUp } = defaults;
  return (
    `  ${name}: ${label} (rounds ${rounds}, seconds ${seconds}, warm-up ${warmUp})\n` +
    `    scenarios ${names(scenarios)}\n    peers     ${names(peers)}\n`
  );
}

interface Options {
  readonly suites: readonly Suite[];
  readonly extent: Partial<Extent>;
  readonly scenarios: string | undefined;
  readonly peers: string | undefined;
  readonly save: boolean;
}

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

function readOptions(): Options | undefined {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean', default: false } as const;
  const { values } = parseArgs({
    options: {
      ...{ suite: { ...text, default: SUITES[0]?.name ?? '' }, rounds: text, seconds: text, 'warm-up': text },
      ...{ scenarios: text, peers: text, save: flag, help: flag },
    },
  });
  if (values.help) return undefined;
  return {
    suites: values.suite === 'all' ? SUITES : choose('--suite', values.suite, SUITES),
    extent: {
      ...numberOf('rounds', 1, '--rounds', values.rounds),
      ...numberOf('seconds', 1, '--seconds', values.seconds),
      ...numberOf('warmUp', 0, '--warm-up', values['warm-up']),
    },
    scenarios: values.scenarios,
    peers: values.peers,
    save: values.save,
  };
}

function numberOf(key: keyof Extent, least: number, option: string, text: string | undefined): Partial<Extent> {
  if (text === undefined) return {};
  const value = Number(text);
  if (!Number.isInteger(value) || value < least)
    throw new Error(`${option} ${text} is not a whole number from ${least} on`);
  return { [key]: value };
}

function choose<T extends { readonly name: string }>(option: string, text: string | undefined, all: readonly T[]): T[] {
  if (text === undefined || text === 'all') return [...all];
  return text.split(',').map((name) => {
    const found = all.find((item) => item.name === name);
    if (found === undefined)
      throw new Error(`${option}: ${name} is none of ${all.map((item) => item.name).join(', ')}`);
    return found;
  });
}

/** Set in the process that has been given a network of its own. */
const OWN_NETWORK = 'BENCH_OWN_NETWORK';

/** Runs this very command once more, for this suite only, where nothing is but what it makes itself. */
function inOwnNetwork(suite: Suite): void {
  if (process.getuid?.() !== 0) throw new Error(`the suite ${suite.name} makes network namespaces: it needs root`);
  const again = [process.execPath, ...process.argv.slice(1), '--suite', suite.name];
  const env = { ...process.env, [OWN_NETWORK]: 'yes' };
  const { status } = spawnSync('unshare', ['--net', '--mount', ...again], { stdio: 'inherit', env });
  if (status !== 0) throw new Error(`the suite ${suite.name} failed`);
}

async function bench(suite: Suite, options: Options): Promise<void> {
  const absent = missingFor(suite.needs);
  if (absent.length > 0) throw new Error(`the suite ${suite.name} needs: apt-get install ${absent.join(' ')}`);
  if (suite.ownNetwork && process.env[OWN_NETWORK] === undefined) return inOwnNetwork(suite);
  const extent = { ...suite.defaults, ...options.extent };
  const wanted = options.scenarios ?? suite.usual?.join(',');
  const scenarios = choose('--scenarios', wanted, suite.scenarios).map(({ name }) => name);
  const peers = choose('--peers', options.peers, suite.peers).map(({ name }) => name);
  const id = randomBytes(8).toString('hex');
  process.on('exit', () => killLeftovers(id));
  const startedAt = Date.now();
  const onSample = ({ scenario, peer, round, figures }: Sample): void => {
    const shown = Object.entries(figures).map(([name, value]) => `${name} ${value.toFixed(value < 10 ? 3 : 0)}`);
    const seconds = Math.round((Date.now() - startedAt) / 1000);
    say(`${seconds} s  ${scenario}  round ${round + 1}/${extent.rounds}  ${peer.padEnd(10)}  ${shown.join('  ')}`);
  };
  const outcome = await suite.run({ ...extent, id, scenarios, peers, onSample, say });
  const files = await report({ suite, extent, outcome, save: options.save });
  for (const file of files) say(`Written: ${file}`);
}

async function main(): Promise<number> {
  const options = readOptions();
  if (options === undefined) return process.stdout.write(USAGE) ? 0 : 0;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(130));
  for (const suite of options.suites) await bench(suite, options);
  return 0;
}

process.exit(
  await main().catch((error: unknown) => {
    say(error instanceof Error ? error.message : String(error));
    return 1;
  }),
);

// `npm run bench`: postern beside the upstream itself, nginx, `ssh -R` and http-proxy, in the same run on the same machine.

import { randomBytes } from 'node:crypto';
import { accessSync, constants, mkdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { runToEnd } from '../contrib/demo/child.ts';
import { killLeftovers } from '../contrib/demo/leftovers.ts';
import { layGround } from './ground.ts';
import { measure } from './measure.ts';
import type { Contestant, Sample } from './measure.ts';
import { direct, nginx } from './peers/nginx.ts';
import { openssh } from './peers/openssh.ts';
import type { Peer } from './peers/peer.ts';
import { httpProxy, postern } from './peers/postern.ts';
import { plot } from './plot.ts';
import type { Panel } from './plot.ts';
import { summarise } from './results.ts';
import { SCENARIOS } from './scenarios.ts';
import type { Scenario } from './scenarios.ts';
import { formatTables } from './table.ts';

const USAGE = `Usage: npm run bench [-- OPTIONS]

  --rounds N          slices for each peer and scenario, interleaved (default 20)
  --seconds N         length of a slice (default 2)
  --warm-up N         seconds of load on each peer before each scenario, unrecorded (default 10)
  --scenarios A,B     of ${SCENARIOS.map(({ name }) => name).join(', ')}
  --peers A,B         of postern, direct, nginx, openssh, http-proxy
  --save              write bench/results/latest.json and docs/images/benchmark.svg
  --help
`;
const ROOT = resolve(import.meta.dirname, '..');
const PEERS: readonly Peer[] = [postern, direct, nginx, openssh, httpProxy];
/** Both are needed whatever is compared: the load and what it is aimed at. */
const ALWAYS = { wrk: 'wrk', nginx: 'nginx-light' };
const PANELS: readonly Panel[] = [
  { scenario: 'small-32', metric: 'rate', title: 'Small HTTPS requests per second, 32 connections' },
  { scenario: 'small-32', metric: 'p99', title: '99th percentile of their latency' },
  { scenario: 'small-1', metric: 'p50', title: 'Median latency of a small request, 1 connection' },
  { scenario: 'bulk-1', metric: 'throughput', title: 'Download, 1 stream' },
  { scenario: 'bulk-8', metric: 'throughput', title: 'Download, 8 streams' },
];

interface Options {
  readonly rounds: number;
  readonly seconds: number;
  readonly warmUp: number;
  readonly scenarios: readonly Scenario[];
  readonly peers: readonly Peer[];
  readonly save: boolean;
}

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

function readOptions(): Options | undefined {
  const { values } = parseArgs({
    options: {
      rounds: { type: 'string', default: '20' },
      seconds: { type: 'string', default: '2' },
      'warm-up': { type: 'string', default: '10' },
      scenarios: { type: 'string', default: SCENARIOS.map(({ name }) => name).join(',') },
      peers: { type: 'string', default: PEERS.map(({ name }) => name).join(',') },
      save: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return undefined;
  return {
    rounds: atLeast(1, '--rounds', values.rounds),
    seconds: atLeast(1, '--seconds', values.seconds),
    warmUp: atLeast(0, '--warm-up', values['warm-up']),
    scenarios: choose('--scenarios', values.scenarios, SCENARIOS),
    peers: choose('--peers', values.peers, PEERS),
    save: values.save,
  };
}

function atLeast(least: number, option: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < least)
    throw new Error(`${option} ${text} is not a whole number from ${least} on`);
  return value;
}

function choose<T extends { readonly name: string }>(option: string, text: string, all: readonly T[]): T[] {
  return text.split(',').map((name) => {
    const found = all.find((item) => item.name === name);
    if (found === undefined)
      throw new Error(`${option}: ${name} is none of ${all.map((item) => item.name).join(', ')}`);
    return found;
  });
}

/** The Debian packages of those programs that are not on the path. */
function missing(needs: Readonly<Record<string, string>>): string[] {
  const folders = (process.env['PATH'] ?? '').split(delimiter).concat('/usr/sbin');
  const there = (program: string): boolean => folders.some((folder) => executable(resolve(folder, program)));
  const packages = Object.entries(needs).flatMap(([program, name]) => (there(program) ? [] : [name]));
  return [...new Set(packages)];
}

function executable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** The peers that can run here; says why the others can't. */
function available(peers: readonly Peer[]): Peer[] {
  return peers.filter((peer) => {
    const packages = missing(peer.needs);
    if (packages.length > 0) say(`Without ${peer.label}: apt-get install ${packages.join(' ')}`);
    return packages.length === 0;
  });
}

async function bench(options: Options, id: string): Promise<number> {
  const absent = missing(ALWAYS);
  if (absent.length > 0) throw new Error(`the benchmark needs: apt-get install ${absent.join(' ')}`);
  await using ground = await layGround(id);
  const contestants: Contestant[] = [];
  for (const peer of available(options.peers)) {
    say(`Starting ${peer.label} ...`);
    contestants.push({ peer, running: await peer.start(ground) });
  }
  const slices = contestants.length * options.scenarios.length * options.rounds;
  let done = 0;
  const onSample = ({ scenario, peer, round, figures }: Sample): void => {
    done += 1;
    const shown = Object.entries(figures).map(([name, value]) => `${name} ${value.toFixed(value < 10 ? 3 : 0)}`);
    say(`${done}/${slices}  ${scenario}  round ${round + 1}  ${peer.padEnd(10)}  ${shown.join('  ')}`);
  };
  const samples = await measure({ ground, contestants, ...options, onSample });
  await report(options, contestants, samples);
  return 0;
}

async function report(options: Options, contestants: readonly Contestant[], samples: readonly Sample[]): Promise<void> {
  const labels = new Map(contestants.map(({ peer }) => [peer.name, peer.label]));
  const rows = summarise(samples, options.scenarios);
  process.stdout.write(formatTables(rows, options.scenarios, labels));
  const { output } = await runToEnd({ name: 'git', command: ['git', 'rev-parse', '--short', 'HEAD'], cwd: ROOT });
  const descriptions = await Promise.all(
    contestants.map(async ({ peer }) => [peer.name, await peer.describe()] as const),
  );
  const machine = { processors: cpus().length, model: cpus()[0]?.model, node: process.version, commit: output.trim() };
  const { rounds, seconds, warmUp } = options;
  const result = {
    date: new Date().toISOString(),
    machine,
    rounds,
    seconds,
    warmUp,
    peers: Object.fromEntries(descriptions),
    rows,
    samples,
  };
  const folder = join(ROOT, options.save ? 'bench/results' : '.cache/bench');
  const caption =
    `Medians of ${rounds} interleaved slices of ${seconds} s with quartiles; ` +
    `load, upstream and everything between share ${machine.processors} processors.`;
  const picture = plot(rows, PANELS, labels, caption);
  const pictureFile = options.save ? join(ROOT, 'docs/images/benchmark.svg') : join(folder, 'benchmark.svg');
  for (const [file, text] of [
    [join(folder, 'latest.json'), `${JSON.stringify(result, undefined, 1)}\n`],
    [pictureFile, picture],
  ] as const) {
    mkdirSync(resolve(file, '..'), { recursive: true });
    writeFileSync(file, text);
    say(`Written: ${file}`);
  }
}

async function main(): Promise<number> {
  const options = readOptions();
  if (options === undefined) return process.stdout.write(USAGE) ? 0 : 0;
  const id = randomBytes(8).toString('hex');
  process.on('exit', () => killLeftovers(id));
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(130));
  return bench(options, id);
}

process.exit(
  await main().catch((error: unknown) => {
    say(error instanceof Error ? error.message : String(error));
    return 1;
  }),
);

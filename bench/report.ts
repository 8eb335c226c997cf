// What a suite found, as a table on the terminal, a file of every sample, and a picture where the suite has panels.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { runToEnd } from '../contrib/demo/child.ts';
import { plot } from './plot.ts';
import { summarise } from './results.ts';
import type { Extent, Outcome, Suite } from './suite.ts';
import { formatTables } from './table.ts';

const ROOT = resolve(import.meta.dirname, '..');

export interface Report {
  readonly suite: Suite;
  readonly extent: Extent;
  readonly outcome: Outcome;
  /** Into the repository, for the documentation; otherwise into .cache/. */
  readonly save: boolean;
}

/** Prints the tables and writes the files; answers the files' names. */
export async function report({ suite, extent, outcome, save }: Report): Promise<string[]> {
  const { samples, peers, notes } = outcome;
  const labels = new Map(suite.peers.map(({ name, label }) => [name, label]));
  const measured = suite.scenarios.filter(({ name }) => samples.some(({ scenario }) => scenario === name));
  const rows = summarise(samples, measured, suite.ours);
  process.stdout.write(`\n${suite.label}\n${formatTables(rows, measured, labels, suite.ours)}`);
  const { rounds, seconds, warmUp } = extent;
  const head = { suite: suite.name, date: new Date().toISOString(), machine: await machine(), rounds, seconds, warmUp };
  const folder = join(ROOT, save ? 'bench/results' : '.cache/bench');
  const result = { ...head, peers, ...(notes === undefined ? {} : { notes }), rows, samples };
  const files = new Map([[join(folder, `${suite.name}.json`), `${JSON.stringify(result, undefined, 1)}\n`]]);
  if (suite.panels !== undefined) {
    const caption =
      `Medians of ${rounds} interleaved slices of ${seconds} s with quartiles; ` +
      `load, upstream and everything between share ${cpus().length} processors.`;
    const pictures = save ? join(ROOT, 'docs/images') : folder;
    files.set(join(pictures, `benchmark-${suite.name}.svg`), plot(rows, suite.panels, labels, caption));
  }
  for (const [file, text] of files) {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
  return [...files.keys()];
}

async function machine(): Promise<Record<string, unknown>> {
  const { output } = await runToEnd({ name: 'git', command: ['git', 'rev-parse', '--short', 'HEAD'], cwd: ROOT });
  const congestion = readSetting('/proc/sys/net/ipv4/tcp_congestion_control');
  return {
    processors: cpus().length,
    model: cpus()[0]?.model,
    kernel: release(),
    congestion,
    node: process.version,
    commit: output.trim(),
  };
}

function readSetting(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    return undefined;
  }
}

// What the suite `loopback` measures: each scenario is one kind of load and the figures that matter in it.

import type { Figures, Metric, Subject } from './suite.ts';
import { runWrk } from './wrk.ts';
import type { Findings } from './wrk.ts';

/** Where a slice's load goes: one peer that is running. */
export interface Aim {
  readonly url: (path: string) => string;
  readonly headers: Readonly<Record<string, string>>;
  readonly seconds: number;
}

export interface Scenario extends Subject {
  /** Runs one slice; `cost` is filled in by the caller: processor seconds per unit of `work`. */
  run(aim: Aim): Promise<{ readonly figures: Figures; readonly work: number }>;
  /** What one unit of work is, for the column of processor time. */
  readonly work: Metric;
}

export const SMALL_PATH = '/small';
export const BULK_PATH = '/bulk';
/** A sparse file: reading it costs the upstream next to nothing. */
export const BULK_BYTES = 1024 ** 3;
const MEGABYTE = 1e6;

export const RATE: Metric = { name: 'rate', label: 'requests/s', unit: '/s', better: 'higher' };
export const THROUGHPUT: Metric = { name: 'throughput', label: 'throughput', unit: 'MB/s', better: 'higher' };
const LATENCIES: readonly Metric[] = (['p50', 'p90', 'p99'] as const).map((name) => ({
  name,
  label: `latency ${name}`,
  unit: 'ms',
  better: 'lower',
}));
export const RESIDENT: Metric = { name: 'resident', label: 'memory', unit: 'MB', better: 'lower' };
export const PER_REQUEST: Metric = { name: 'processor', label: 'processor/request', unit: 'µs', better: 'lower' };
export const PER_MEGABYTE: Metric = { name: 'processor', label: 'processor/MB', unit: 'µs', better: 'lower' };

function small(connections: number): Scenario {
  return {
    name: `small-${connections}`,
    label: `small responses, ${connections} connection${connections === 1 ? '' : 's'}`,
    metrics: [RATE, ...LATENCIES],
    work: PER_REQUEST,
    async run(aim) {
      const found = await runWrk({ ...aim, url: aim.url(SMALL_PATH), connections });
      return { figures: smallFigures(found), work: found.requests };
    },
  };
}

function smallFigures({ requestsPerSecond, p50, p90, p99 }: Findings): Figures {
  return { rate: requestsPerSecond, p50, p90, p99 };
}

function bulk(connections: number): Scenario {
  return {
    name: `bulk-${connections}`,
    label: `download, ${connections} stream${connections === 1 ? '' : 's'}`,
    metrics: [THROUGHPUT],
    work: PER_MEGABYTE,
    async run(aim) {
      const found = await runWrk({ ...aim, url: aim.url(BULK_PATH), connections });
      return { figures: { throughput: found.bytesPerSecond / MEGABYTE }, work: found.bytes / MEGABYTE };
    },
  };
}

export const SCENARIOS: readonly Scenario[] = [small(1), small(32), bulk(1), bulk(8)];

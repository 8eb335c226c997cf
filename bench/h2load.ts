// The load generator for HTTP/2, and for HTTP/1.1 beside it: one run of h2load, its findings read from what it prints.

import { runToEnd } from '../contrib/demo/child.ts';

export interface StreamLoad {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly protocol: 'h1' | 'h2';
  readonly connections: number;
  /** Requests under way on each connection. */
  readonly streams: number;
  /** Whole seconds. */
  readonly seconds: number;
}

export interface StreamFindings {
  readonly requestsPerSecond: number;
  readonly bytesPerSecond: number;
  readonly requests: number;
  readonly bytes: number;
  /** Milliseconds; not a number when no request came to its end. */
  readonly mean: number;
}

const UNITS: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1000 };
/** Windows of the visitor's: with h2load's 64 KiB it would be its round trips that are measured. */
const WINDOWS = ['-w', '24', '-W', '24'];

/** Throws when a request failed or ended with an error; downloads under way at the end are neither. */
export async function runH2load(load: StreamLoad): Promise<StreamFindings> {
  const headers = Object.entries(load.headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`]);
  const shape = ['-t', '1', '-c', `${load.connections}`, '-m', `${load.streams}`, '-D', `${load.seconds}`];
  const where = `127.0.0.1:${new URL(load.url).port}`;
  const http1 = load.protocol === 'h1' ? ['--h1'] : [];
  const command = ['h2load', ...http1, ...shape, ...WINDOWS, ...headers, '--connect-to', where, load.url];
  const { code, output } = await runToEnd({ name: 'h2load', command });
  const counts = /requests: .* (\d+) done, (\d+) succeeded, (\d+) failed, (\d+) errored/.exec(output);
  const bytes = /\((\d+)\) data/.exec(output)?.[1];
  if (code !== 0 || counts === null || bytes === undefined) throw new Error(`h2load failed:\n${output}`);
  const [done, succeeded, failed, errored] = counts.slice(1).map(Number) as [number, number, number, number];
  if (failed + errored > 0 || succeeded < done || Number(bytes) === 0) throw new Error(`requests failed:\n${output}`);
  const [, mean, unit = 'ms'] = /time for request: +\S+ +\S+ +([\d.]+)(us|ms|s)/.exec(output) ?? [];
  return {
    requestsPerSecond: done / load.seconds,
    bytesPerSecond: Number(bytes) / load.seconds,
    requests: done,
    bytes: Number(bytes),
    mean: Number(mean) * (UNITS[unit] as number),
  };
}

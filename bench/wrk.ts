// The load generator: one slice of wrk against one peer, its findings read from the report that our Lua script prints.

import { join } from 'node:path';
import { runToEnd } from '../contrib/demo/child.ts';

export interface Load {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly connections: number;
  /** Whole seconds: wrk knows no fractions. */
  readonly seconds: number;
}

export interface Findings {
  readonly requestsPerSecond: number;
  readonly bytesPerSecond: number;
  readonly requests: number;
  readonly bytes: number;
  readonly seconds: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
}

interface Report {
  readonly requests: number;
  readonly bytes: number;
  readonly microseconds: number;
  readonly failed: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
}

/** Requests under way when a slice ends are not failures, so bulk loads may leave this many per connection. */
const SCRIPT = join(import.meta.dirname, 'wrk-report.lua');

/** Runs one slice; throws when any request failed, because a fast refusal would look like speed. */
export async function runWrk(load: Load): Promise<Findings> {
  const headers = Object.entries(load.headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`]);
  const shape = ['-t', '1', '-c', `${load.connections}`, '-d', `${load.seconds}`, '--timeout', '30'];
  const command = ['wrk', ...shape, ...headers, '-s', SCRIPT, load.url];
  const { code, output } = await runToEnd({ name: 'wrk', command });
  const line = /^RESULT (.*)$/m.exec(output)?.[1];
  if (code !== 0 || line === undefined) throw new Error(`wrk failed:\n${output}`);
  const report = JSON.parse(line) as Report;
  if (report.failed > 0) throw new Error(`${report.failed} of ${report.requests} requests failed:\n${output}`);
  const seconds = report.microseconds / 1e6;
  return {
    requestsPerSecond: report.requests / seconds,
    bytesPerSecond: report.bytes / seconds,
    requests: report.requests,
    bytes: report.bytes,
    seconds,
    p50: report.p50 / 1000,
    p90: report.p90 / 1000,
    p99: report.p99 / 1000,
  };
}

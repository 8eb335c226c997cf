// What is fuzzed: for each target the module that drives it, and the files whose code it is to reach.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import type { Target } from './target.ts';

export interface TargetEntry {
  readonly name: string;
  /** Below the root of the project; only these are instrumented. */
  readonly files: readonly string[];
  /** Blocks that the corpus and a few thousand inputs reach at least. */
  readonly least: number;
  /** To be called after the instrumentation: only what is loaded then is counted. */
  load(): Promise<{ readonly target: Target }>;
}

export const TARGETS: readonly TargetEntry[] = [
  {
    name: 'decoder',
    least: 30,
    files: ['shared/wire/decode.ts', 'shared/wire/encode.ts'],
    load: () => import('./targets/decoder.ts'),
  },
  {
    name: 'handshake',
    least: 100,
    files: ['shared/wire/handshake.ts', 'shared/wire/json.ts', 'shared/wire/job.ts'],
    load: () => import('./targets/handshake.ts'),
  },
  {
    name: 'session',
    least: 340,
    files: [
      ...['session', 'stream', 'stream-state', 'stream-ids', 'outbox', 'inbox', 'credit', 'budget', 'turns', 'flood'],
      ...['message', 'recent', 'round-trip', 'timers'],
    ].map((name) => `shared/mux/${name}.ts`),
    load: () => import('./targets/session.ts'),
  },
  {
    name: 'link',
    least: 88,
    files: ['shared/link/websocket-link.ts', 'shared/link/link-header.ts', 'shared/link/replay.ts'],
    load: () => import('./targets/link.ts'),
  },
  {
    name: 'response',
    least: 235,
    files: ['response', 'response-head', 'section', 'headers'].map((name) => `bastion/forward/${name}.ts`),
    load: () => import('./targets/response.ts'),
  },
  {
    name: 'request',
    least: 105,
    files: ['bastion/forward/request-check.ts', 'bastion/forward/headers.ts', 'bastion/front/hostname.ts'],
    load: () => import('./targets/request.ts'),
  },
  {
    name: 'client-hello',
    least: 64,
    files: ['bastion/front/client-hello.ts'],
    load: () => import('./targets/client-hello.ts'),
  },
  {
    name: 'proxy-answer',
    least: 20,
    files: ['shared/net/http-connect.ts'],
    load: () => import('./targets/proxy-answer.ts'),
  },
];

const CORPUS = join(import.meta.dirname, 'corpus');

export function corpusFile(name: string): string {
  return join(CORPUS, `${name}.txt`);
}

/** One input a line, in hexadecimal; what follows a # is for people. */
export function readCorpus(file: string): Buffer[] {
  const lines = readFileSync(file, 'utf8').split('\n');
  const inputs = lines.map((line) => line.replace(/#.*/, '').replaceAll(/\s/g, ''));
  return inputs.filter((line) => line !== '').map((line) => Buffer.from(line, 'hex'));
}

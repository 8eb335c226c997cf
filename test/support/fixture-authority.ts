// A CA and directory for one test file, thrown away at its end; and a clock for certificates that a test moves.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';

import type { CertificateClock } from '../../bastion/tls/timer.ts';

/** A fresh directory that is removed after the tests of the file. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'postern-test-'));
  after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

export interface MovableClock extends CertificateClock {
  /** Moves the clock and lets every timer look once. */
  advance(milliseconds: number): void;
  /** Timers that have not been stopped. */
  readonly timers: number;
}

export function movableClock(start: number = Date.now()): MovableClock {
  let time = start;
  const works = new Set<() => void>();
  return {
    now: () => time,
    every(_milliseconds, work) {
      works.add(work);
      return () => works.delete(work);
    },
    advance(milliseconds) {
      time += milliseconds;
      for (const work of works) work();
    },
    get timers() {
      return works.size;
    },
  };
}

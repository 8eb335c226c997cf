// What the doctor finds at each step, for people and as JSON.

/** ok: works. warning: works, but look at it. failed: does not. skipped: could not be tried, because of an earlier step. */
export type Outcome = 'ok' | 'warning' | 'failed' | 'skipped';

export interface Finding {
  /** One of a fixed list of words: `dns`, `tcp`, `proxy`, `tls`, ... */
  readonly step: string;
  readonly outcome: Outcome;
  /** One sentence; never a secret. */
  readonly says: string;
  /** What to do about it. */
  readonly advice?: string;
  /** How long it took, in milliseconds. */
  readonly ms?: number;
  /** More, for support: names of certificates, addresses. */
  readonly details?: readonly string[];
}

export function ok(step: string, says: string, more: Partial<Finding> = {}): Finding {
  return { step, outcome: 'ok', says, ...more };
}

export function warning(step: string, says: string, advice: string, more: Partial<Finding> = {}): Finding {
  return { step, outcome: 'warning', says, advice, ...more };
}

export function failed(step: string, says: string, advice: string, more: Partial<Finding> = {}): Finding {
  return { step, outcome: 'failed', says, advice, ...more };
}

export function skipped(step: string, says: string): Finding {
  return { step, outcome: 'skipped', says };
}

/** Whole milliseconds since a reading of `performance.now()`. */
export function since(started: number): number {
  return Math.round(performance.now() - started);
}

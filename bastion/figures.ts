// Figures of all sessions of all tunnels together, for the metrics.

import type { Session } from '../shared/mux/session.ts';
import type { LiveTunnel } from './tunnels/tunnel.ts';

interface Tunnels {
  readonly tunnels: ReadonlySet<LiveTunnel>;
}

/** What only grows, and outlives the sessions that it is counted in. */
export interface Totals {
  bytesIn: number;
  bytesOut: number;
  streamsOpened: number;
}

export function sessions({ tunnels }: Tunnels): Session[] {
  return [...tunnels].flatMap((tunnel) => tunnel.links.map(({ session }) => session));
}

export function sum(observed: Tunnels, figure: (session: Session) => number): number {
  return sessions(observed).reduce((total, session) => total + figure(session), 0);
}

export function totals(observed: Tunnels, finished: Totals): Totals {
  const all = { ...finished };
  for (const session of sessions(observed)) add(all, session.stats);
  return all;
}

export function add(sums: Totals, { bytesIn, bytesOut, streamsOpened }: Totals): void {
  sums.bytesIn += bytesIn;
  sums.bytesOut += bytesOut;
  sums.streamsOpened += streamsOpened;
}

/** Median, ninth decile and highest, with their quantiles; none without figures. */
export function quantiles(figures: readonly number[]): [quantile: number, figure: number][] {
  const sorted = figures.toSorted((a, b) => a - b);
  if (sorted.length === 0) return [];
  return [0.5, 0.9, 1].map((quantile) => {
    const at = Math.min(sorted.length - 1, Math.floor(quantile * sorted.length));
    return [quantile, sorted[at] ?? 0];
  });
}

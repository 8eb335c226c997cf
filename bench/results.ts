// Turns samples into what is reported: each peer's spread, and the ratios to ours, pair by pair within the same round.

import { spread } from './statistics.ts';
import type { Spread } from './statistics.ts';
import type { Metric, Sample, Subject } from './suite.ts';

export interface Row {
  readonly scenario: string;
  readonly metric: string;
  readonly label: string;
  readonly unit: string;
  readonly better: Metric['better'];
  readonly peer: string;
  readonly value: Spread;
  /** Ours divided by this peer's, in the same round; undefined for ourselves. */
  readonly ratio: Spread | undefined;
}

export const OURS = 'postern';

/** One row for every scenario, metric and peer that has samples of it. */
export function summarise(samples: readonly Sample[], scenarios: readonly Subject[], ours: string = OURS): Row[] {
  return scenarios.flatMap((scenario) => {
    const own = samples.filter((sample) => sample.scenario === scenario.name);
    return scenario.metrics.flatMap((metric) => {
      const having = own.filter((sample) => sample.figures[metric.name] !== undefined);
      const peers = [...new Set(having.map((sample) => sample.peer))];
      return peers.map((peer) => ({ scenario: scenario.name, ...row(having, metric, peer, ours) }));
    });
  });
}

function row(samples: readonly Sample[], metric: Metric, peer: string, ours: string): Omit<Row, 'scenario'> {
  const of = (name: string): Map<number, number> =>
    new Map(
      samples
        .filter((sample) => sample.peer === name)
        .map((sample) => [sample.round, sample.figures[metric.name] ?? Number.NaN]),
    );
  const theirs = of(peer);
  const compared = of(ours);
  const ratios = [...theirs].map(([round, value]) => (compared.get(round) ?? Number.NaN) / value);
  return {
    metric: metric.name,
    label: metric.label,
    unit: metric.unit,
    better: metric.better,
    peer,
    value: spread([...theirs.values()]),
    ratio: peer === ours || compared.size === 0 ? undefined : spread(ratios),
  };
}

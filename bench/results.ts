// Turns samples into what is reported: each peer's spread, and the ratios to ours, pair by pair within the same round.

import type { Sample } from './measure.ts';
import { RESIDENT } from './scenarios.ts';
import type { Metric, Scenario } from './scenarios.ts';
import { spread } from './statistics.ts';
import type { Spread } from './statistics.ts';

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

/** One row for every scenario, metric and peer that has samples. */
export function summarise(samples: readonly Sample[], scenarios: readonly Scenario[]): Row[] {
  const peers = [...new Set(samples.map((sample) => sample.peer))];
  return scenarios.flatMap((scenario) =>
    [...scenario.metrics, scenario.work, RESIDENT].flatMap((metric) =>
      peers.map((peer) =>
        row(
          samples.filter((sample) => sample.scenario === scenario.name),
          scenario,
          metric,
          peer,
        ),
      ),
    ),
  );
}

function row(samples: readonly Sample[], scenario: Scenario, metric: Metric, peer: string): Row {
  const of = (name: string): Map<number, number> =>
    new Map(
      samples
        .filter((sample) => sample.peer === name)
        .map((sample) => [sample.round, sample.figures[metric.name] ?? Number.NaN]),
    );
  const theirs = of(peer);
  const ours = of(OURS);
  const ratios = [...theirs].map(([round, value]) => (ours.get(round) ?? Number.NaN) / value);
  return {
    scenario: scenario.name,
    metric: metric.name,
    label: metric.label,
    unit: metric.unit,
    better: metric.better,
    peer,
    value: spread([...theirs.values()]),
    ratio: peer === OURS || ours.size === 0 ? undefined : spread(ratios),
  };
}

// The seam of the benchmark: a suite is a set of scenarios with peers of its own, and its results are one file of samples.

import type { Panel } from './plot.ts';

/** One slice's figures by name; the same names in every slice of a scenario. */
export type Figures = Readonly<Record<string, number>>;

export interface Metric {
  readonly name: string;
  readonly label: string;
  readonly unit: string;
  readonly better: 'higher' | 'lower';
}

/** What a table is about. */
export interface Subject {
  readonly name: string;
  readonly label: string;
  readonly metrics: readonly Metric[];
}

/** One slice; `round` pairs it with the other peers' slices of the same round. */
export interface Sample {
  readonly scenario: string;
  readonly peer: string;
  readonly round: number;
  readonly figures: Figures;
}

/** Short and stable name: the key in the results. */
export interface Named {
  readonly name: string;
  readonly label: string;
}

/** What a person may choose, and what a suite takes unless told otherwise. */
export interface Extent {
  readonly rounds: number;
  /** Length of a slice. */
  readonly seconds: number;
  /** Seconds of load before what is recorded, where a suite warms up. */
  readonly warmUp: number;
}

export interface SuitePlan extends Extent {
  /** Marks the processes of the run: they end with it. */
  readonly id: string;
  readonly scenarios: readonly string[];
  readonly peers: readonly string[];
  /** To be called with every sample as it comes: a run that is broken off has shown them. */
  onSample(sample: Sample): void;
  say(text: string): void;
}

export interface Outcome {
  readonly samples: readonly Sample[];
  /** Version and settings of each peer that took part. */
  readonly peers: Readonly<Record<string, string>>;
  /** What a reader has to know beside the figures, such as the path's settings. */
  readonly notes?: Readonly<Record<string, unknown>>;
}

export interface Suite extends Named {
  readonly defaults: Extent;
  readonly scenarios: readonly Subject[];
  /** Those that run unless told otherwise; nothing: all. */
  readonly usual?: readonly string[];
  readonly peers: readonly Named[];
  /** Peers' figures are compared with this one's; nothing: with nobody's. */
  readonly ours: string;
  /** Programs it can't do without, with the Debian package that brings each. */
  readonly needs: Readonly<Record<string, string>>;
  /** Runs in a network namespace of its own, which only root may make. */
  readonly ownNetwork?: true;
  readonly panels?: readonly Panel[];
  /** Throws when anything took part that does not work: a failure must not look like speed. */
  run(plan: SuitePlan): Promise<Outcome>;
}

// The suite `rough`: what is left of a download's rate on a path that jitters, stalls for moments, or is cut again and again.

import { postern } from '../peers/postern.ts';
import { QUEUE_MS } from '../path/settings.ts';
import type { PathSetting } from '../path/settings.ts';
import { ON_A_PATH, TCP, pathWorld, startLoad } from '../path/world.ts';
import type { PathWorld, Runner } from '../path/world.ts';
import type { Metric, Outcome, Sample, Subject, Suite, SuitePlan } from '../suite.ts';

interface Run extends Subject {
  /** From the beginning. */
  readonly jitterMs?: number;
  /** Again and again while it runs. */
  readonly happens?: (world: PathWorld) => Promise<void>;
  /** Connections of others end with a cut: there is nothing to compare. */
  readonly alone?: true;
}

const SETTING: PathSetting = { roundTripMs: 20, bandwidth: 100, queueMs: QUEUE_MS.large };
const METRICS: readonly Metric[] = [
  { name: 'throughput', label: 'throughput', unit: 'Mbit/s', better: 'higher' },
  { name: 'processor', label: 'processor/MB', unit: 'µs', better: 'lower' },
];
const EVERY_MS = 1_000;
const STALL_MS = 200;
const JITTER_MS = 10;
const WARM_MS = 1_000;

const PATH = `${SETTING.bandwidth} Mbit/s, ${SETTING.roundTripMs} ms`;
const RUNS: readonly Run[] = [
  { name: 'smooth', label: `${PATH}, nothing happens`, metrics: METRICS },
  { name: 'jitter', label: `${PATH}, up to ${JITTER_MS} ms more each way`, metrics: METRICS, jitterMs: JITTER_MS },
  {
    name: 'stalls',
    label: `${PATH}, ${STALL_MS} ms of nothing every second`,
    metrics: METRICS,
    happens: ({ network }) => network.order({ stallMs: STALL_MS }),
  },
  {
    name: 'cuts',
    label: `${PATH}, the connection reset every second`,
    metrics: METRICS,
    happens: (world) => world.cut(),
    alone: true,
  },
];

export const rough: Suite = {
  name: 'rough',
  label: 'One download over rough paths',
  defaults: { rounds: 3, seconds: 4, warmUp: 0 },
  scenarios: RUNS,
  ...ON_A_PATH,
  run,
};

async function run(plan: SuitePlan): Promise<Outcome> {
  await using world = await pathWorld(plan);
  await world.become(SETTING);
  const samples: Sample[] = [];
  for (let round = 0; round < plan.rounds; round += 1)
    for (const one of RUNS.filter(({ name }) => plan.scenarios.includes(name))) {
      await world.network.order({ jitterMs: one.jitterMs ?? 0 });
      for (let turn = 0; turn < world.runners.length; turn += 1) {
        const runner = world.runners[(turn + round) % world.runners.length] as Runner;
        if (one.alone && runner.name !== postern.name) continue;
        const sample = { scenario: one.name, peer: runner.name, round, figures: await slice(world, plan, one, runner) };
        samples.push(sample);
        plan.onSample(sample);
      }
    }
  const notes = { ...SETTING, jitterMs: JITTER_MS, stallMs: STALL_MS, everyMs: EVERY_MS, limit: TCP.label };
  return { samples, peers: world.descriptions, notes };
}

async function slice(
  world: PathWorld,
  { seconds }: SuitePlan,
  one: Run,
  runner: Runner,
): Promise<Record<string, number>> {
  const load = startLoad(world, runner, { direction: 'down', streams: 1, warmMs: WARM_MS, measureMs: seconds * 1000 });
  await load.measuring;
  let trouble = Promise.resolve();
  const timer = setInterval(() => {
    trouble = trouble.then(() => one.happens?.(world));
  }, EVERY_MS);
  try {
    const { bytesPerMs, processor } = await load.found.catch((cause: unknown) => {
      throw new Error(`${one.name} with ${runner.name}: ${(cause as Error).message}`, { cause });
    });
    return { throughput: bytesPerMs / 125, ...(runner.processes.length > 0 ? { processor } : {}) };
  } finally {
    clearInterval(timer);
    await trouble;
  }
}

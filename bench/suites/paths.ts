// The suite `paths`: throughput against round trip and bandwidth, one stream and eight, down and up, beside plain TCP.

import { QUEUE_MS, labelOf, nameOf } from '../path/settings.ts';
import type { PathSetting } from '../path/settings.ts';
import { ON_A_PATH, TCP, pathWorld, startLoad } from '../path/world.ts';
import type { PathWorld, Runner } from '../path/world.ts';
import type { Metric, Outcome, Sample, Subject, Suite, SuitePlan } from '../suite.ts';

interface Run extends Subject {
  readonly setting: PathSetting;
  readonly streams: number;
  readonly direction: 'down' | 'up';
}

const THROUGHPUT: Metric = { name: 'throughput', label: 'throughput', unit: 'Mbit/s', better: 'higher' };
const FIRST: Metric = { name: 'first', label: 'first 4 MB after', unit: 'ms', better: 'lower' };
const PROCESSOR: Metric = { name: 'processor', label: 'processor/MB', unit: 'µs', better: 'lower' };
const ROUND_TRIPS_MS = [0, 20, 50, 100, 200];
const BANDWIDTHS = [100, 400, 1000, Infinity];
/** Load before it counts: TCP, credit and flight cap have opened up by then. */
const WARM_MS = 500;
const WARM_ROUND_TRIPS = 12;

const SETTINGS = BANDWIDTHS.flatMap((bandwidth) =>
  ROUND_TRIPS_MS.map((roundTripMs): PathSetting => ({ roundTripMs, bandwidth, queueMs: QUEUE_MS.large })),
);
const RUNS: readonly Run[] = SETTINGS.flatMap((setting) =>
  [1, 8].flatMap((streams) =>
    (['down', 'up'] as const).map((direction) => ({
      name: `${nameOf(setting)}-${direction}-${streams}`,
      label: `${labelOf(setting)}: ${streams} ${direction === 'down' ? 'download' : 'upload'}${streams > 1 ? 's' : ''}`,
      metrics: direction === 'down' ? [THROUGHPUT, FIRST, PROCESSOR] : [THROUGHPUT, PROCESSOR],
      ...{ setting, streams, direction },
    })),
  ),
);

/** The whole table takes long. Unless told otherwise: one stream over every bandwidth at 50 ms and every round trip at 400 Mbit/s, eight at 50 ms. */
function isUsual({ setting: { roundTripMs, bandwidth }, streams }: Run): boolean {
  if (bandwidth < 400 || roundTripMs > 100) return false;
  if (streams > 1) return roundTripMs === 50 && Number.isFinite(bandwidth);
  return roundTripMs === 50 || bandwidth === 400;
}

export const paths: Suite = {
  name: 'paths',
  label: 'Throughput over long paths',
  defaults: { rounds: 2, seconds: 1, warmUp: 4 },
  scenarios: RUNS,
  usual: RUNS.filter(isUsual).map(({ name }) => name),
  ...ON_A_PATH,
  run,
};

async function run(plan: SuitePlan): Promise<Outcome> {
  await using world = await pathWorld(plan);
  const chosen = RUNS.filter(({ name }) => plan.scenarios.includes(name));
  const settings = SETTINGS.filter((setting) => chosen.some((one) => one.setting === setting));
  await warm(world, plan);
  const samples: Sample[] = [];
  for (let round = 0; round < plan.rounds; round += 1)
    for (const setting of settings) {
      await world.become(setting);
      for (const one of chosen.filter((candidate) => candidate.setting === setting))
        for (let turn = 0; turn < world.runners.length; turn += 1) {
          const runner = world.runners[(turn + round) % world.runners.length] as Runner;
          const sample = await slice({ world, plan, one, runner, round });
          samples.push(sample);
          plan.onSample(sample);
        }
    }
  const notes = { queueMs: QUEUE_MS.large, warmMs: WARM_MS, warmRoundTrips: WARM_ROUND_TRIPS, limit: TCP.label };
  return { samples, peers: world.descriptions, notes };
}

/** What is measured is a daemon that has run for a while, not a just-in-time compiler at work. */
async function warm(world: PathWorld, plan: SuitePlan): Promise<void> {
  if (plan.warmUp === 0) return;
  await world.become({ roundTripMs: 0, bandwidth: Infinity, queueMs: QUEUE_MS.large });
  for (const runner of world.runners)
    for (const direction of ['down', 'up'] as const)
      await startLoad(world, runner, { direction, streams: 4, warmMs: 0, measureMs: plan.warmUp * 500 }).found;
}

interface Slice {
  readonly world: PathWorld;
  readonly plan: SuitePlan;
  readonly one: Run;
  readonly runner: Runner;
  readonly round: number;
}

async function slice({ world, plan, one, runner, round }: Slice): Promise<Sample> {
  const { direction, streams, setting } = one;
  const warmMs = WARM_MS + WARM_ROUND_TRIPS * setting.roundTripMs;
  const { found } = startLoad(world, runner, { direction, streams, warmMs, measureMs: plan.seconds * 1000 });
  const { bytesPerMs, first, processor } = await found.catch((cause: unknown) => {
    throw new Error(`${one.name} with ${runner.name}: ${(cause as Error).message}`, { cause });
  });
  const figures = {
    throughput: bytesPerMs / 125,
    ...(runner.processes.length > 0 ? { processor } : {}),
    ...(first === undefined ? {} : { first }),
  };
  return { scenario: one.name, peer: runner.name, round, figures };
}

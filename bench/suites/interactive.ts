// The suite `interactive`: what small requests and WebSocket messages wait for while bulk fills a link of 100 Mbit/s.

import { QUEUE_MS } from '../path/settings.ts';
import type { PathSetting } from '../path/settings.ts';
import { ON_A_PATH, ask, pathWorld, startLoad } from '../path/world.ts';
import type { PathWorld, Runner } from '../path/world.ts';
import { quantileOf } from '../statistics.ts';
import type { Figures, Metric, Outcome, Sample, Subject, Suite, SuitePlan } from '../suite.ts';

interface Run extends Subject {
  readonly setting: PathSetting;
  readonly kind: 'requests' | 'messages';
  readonly bulk: { readonly direction: 'down' | 'up'; readonly streams: number };
}

const ROUND_TRIP_MS = 20;
const BANDWIDTH = 100;
/** People at work: each asks, waits for the answer, and asks again a little later. */
const CONNECTIONS = 4;
const EVERY_MS = 25;
const WARM_MS = 1_000;
/** Starting a process and its connections over a full link, beside what is measured. */
const MARGIN_MS = 1_000;

const METRICS: readonly Metric[] = [
  { name: 'median-above', label: 'median above the unloaded', unit: 'ms', better: 'lower' },
  { name: 'p99-above', label: 'p99 above the unloaded median', unit: 'ms', better: 'lower' },
  { name: 'unloaded', label: 'unloaded median', unit: 'ms', better: 'lower' },
  { name: 'unloaded-p99', label: 'unloaded p99', unit: 'ms', better: 'lower' },
  { name: 'bulk', label: 'bulk meanwhile', unit: 'Mbit/s', better: 'higher' },
  { name: 'bulk-kept', label: 'bulk, share of its rate alone', unit: '', better: 'higher' },
];

const LOADS = [
  {
    name: 'requests-8-downloads',
    label: 'small requests, 8 downloads',
    kind: 'requests',
    direction: 'down',
    streams: 8,
  },
  { name: 'messages-8-uploads', label: 'WebSocket messages, 8 uploads', kind: 'messages', direction: 'up', streams: 8 },
  { name: 'messages-1-upload', label: 'WebSocket messages, 1 upload', kind: 'messages', direction: 'up', streams: 1 },
] as const;

const RUNS: readonly Run[] = (['large', 'small'] as const).flatMap((queue) =>
  LOADS.map(({ name, label, kind, direction, streams }) => ({
    name: `${name}-${queue}-queue`,
    label: `${label}; ${BANDWIDTH} Mbit/s, ${ROUND_TRIP_MS} ms, queue of ${QUEUE_MS[queue]} ms`,
    metrics: METRICS,
    setting: { roundTripMs: ROUND_TRIP_MS, bandwidth: BANDWIDTH, queueMs: QUEUE_MS[queue] },
    kind,
    bulk: { direction, streams },
  })),
);

export const interactive: Suite = {
  name: 'interactive',
  label: 'Small requests and messages beside bulk',
  defaults: { rounds: 2, seconds: 3, warmUp: 0 },
  scenarios: RUNS,
  usual: RUNS.map(({ name }) => name).filter((name) => !name.startsWith('messages') || name.endsWith('large-queue')),
  ...ON_A_PATH,
  run,
};

async function run(plan: SuitePlan): Promise<Outcome> {
  await using world = await pathWorld(plan);
  const samples: Sample[] = [];
  let setting: PathSetting | undefined;
  for (let round = 0; round < plan.rounds; round += 1)
    for (const one of RUNS.filter(({ name }) => plan.scenarios.includes(name))) {
      if (setting?.queueMs !== one.setting.queueMs) await world.become((setting = one.setting));
      for (let turn = 0; turn < world.runners.length; turn += 1) {
        const runner = world.runners[(turn + round) % world.runners.length] as Runner;
        const sample = await slice({ world, plan, one, runner }).catch((cause: unknown) => {
          throw new Error(`${one.name} with ${runner.name}: ${(cause as Error).message}`, { cause });
        });
        samples.push({ ...sample, round });
        plan.onSample({ ...sample, round });
      }
    }
  const notes = { connections: CONNECTIONS, everyMs: EVERY_MS, bandwidth: BANDWIDTH, roundTripMs: ROUND_TRIP_MS };
  return { samples, peers: world.descriptions, notes: { ...notes, queueMs: QUEUE_MS } };
}

interface Slice {
  readonly world: PathWorld;
  readonly plan: SuitePlan;
  readonly one: Run;
  readonly runner: Runner;
}

/** Three parts: people alone, bulk alone, both. */
async function slice({ world, plan, one, runner }: Slice): Promise<Omit<Sample, 'round'>> {
  const people = { kind: one.kind, connections: CONNECTIONS, everyMs: EVERY_MS };
  const wholeMs = plan.seconds * 1000;
  const alone = await ask(world, runner, { ...people, forMs: wholeMs / 2 });
  const bulkAlone = await startLoad(world, runner, { ...one.bulk, warmMs: WARM_MS, measureMs: wholeMs / 2 }).found;
  const load = startLoad(world, runner, { ...one.bulk, warmMs: WARM_MS, measureMs: wholeMs + MARGIN_MS });
  await load.measuring;
  const beside = await ask(world, runner, { ...people, forMs: wholeMs });
  const bulk = await load.found;
  return {
    scenario: one.name,
    peer: runner.name,
    figures: figuresOf(alone, beside, { alone: bulkAlone.bytesPerMs, beside: bulk.bytesPerMs }),
  };
}

/** From latencies in milliseconds and rates in bytes per millisecond. */
export function figuresOf(
  alone: readonly number[],
  beside: readonly number[],
  bulk: { readonly alone: number; readonly beside: number },
): Figures {
  const unloaded = quantileOf(alone, 0.5);
  return {
    'median-above': quantileOf(beside, 0.5) - unloaded,
    'p99-above': quantileOf(beside, 0.99) - unloaded,
    unloaded,
    'unloaded-p99': quantileOf(alone, 0.99),
    bulk: bulk.beside / 125,
    'bulk-kept': bulk.beside / bulk.alone,
  };
}

// The suite `cost`: processor time for each gigabyte that passes, down and up, at either end of the tunnel.

import { loopbackWorld, startLoad } from '../path/world.ts';
import type { LoadKind, Runner, World } from '../path/world.ts';
import { nginx } from '../peers/nginx.ts';
import { openssh } from '../peers/openssh.ts';
import type { Peer } from '../peers/peer.ts';
import { postern } from '../peers/postern.ts';
import { costOf } from '../process-tree.ts';
import type { Figures, Metric, Outcome, Sample, Subject, Suite, SuitePlan } from '../suite.ts';

const PEERS: readonly Peer[] = [postern, nginx, openssh];
/** The processes beside the notebook; all others are where visitors arrive. */
const INNER = new Set(['agent', 'ssh']);
const GIGABYTE = 1e9;

const METRICS: readonly Metric[] = [
  { name: 'outer', label: 'processor/GB where visitors arrive', unit: 's', better: 'lower' },
  { name: 'inner', label: 'processor/GB beside the notebook', unit: 's', better: 'lower' },
  { name: 'total', label: 'processor/GB, both', unit: 's', better: 'lower' },
  { name: 'throughput', label: 'throughput', unit: 'MB/s', better: 'higher' },
];

interface CostScenario extends Subject {
  readonly direction: LoadKind['direction'];
  readonly streams: number;
}

const SCENARIOS: readonly CostScenario[] = (['down', 'up'] as const).flatMap((direction) =>
  [1, 8].map((streams) => ({
    name: `${direction}-${streams}`,
    label: `${direction === 'down' ? 'downloads' : 'uploads'}, ${streams} stream${streams === 1 ? '' : 's'}`,
    metrics: METRICS,
    direction,
    streams,
  })),
);

export const cost: Suite = {
  name: 'cost',
  label: 'Processor time per gigabyte',
  defaults: { rounds: 5, seconds: 2, warmUp: 1 },
  scenarios: SCENARIOS,
  peers: PEERS,
  ours: postern.name,
  needs: {},
  run,
};

async function run(plan: SuitePlan): Promise<Outcome> {
  await using world = await loopbackWorld(
    plan,
    PEERS.filter(({ name }) => plan.peers.includes(name)),
  );
  const samples: Sample[] = [];
  for (const scenario of SCENARIOS.filter(({ name }) => plan.scenarios.includes(name)))
    for (let round = 0; round < plan.rounds; round += 1)
      for (let turn = 0; turn < world.runners.length; turn += 1) {
        const runner = world.runners[(turn + round) % world.runners.length] as Runner;
        const figures = await slice(world, runner, scenario, plan);
        const sample = { scenario: scenario.name, peer: runner.name, round, figures };
        samples.push(sample);
        plan.onSample(sample);
      }
  return { samples, peers: world.descriptions };
}

async function slice(world: World, runner: Runner, scenario: CostScenario, plan: SuitePlan): Promise<Figures> {
  const { direction, streams } = scenario;
  const kind = { direction, streams, warmMs: plan.warmUp * 1000, measureMs: plan.seconds * 1000 };
  const loading = startLoad(world, runner, kind);
  await loading.measuring;
  const before = costs(runner);
  const { bytes, ms } = await loading.found;
  const after = costs(runner);
  const perGigabyte = (inner: boolean): number => {
    const parts = Object.keys(runner.parts).filter((part) => INNER.has(part) === inner);
    const seconds = parts.reduce((sum, part) => sum + (after.get(part) ?? 0) - (before.get(part) ?? 0), 0);
    return (seconds * GIGABYTE) / bytes;
  };
  const [outer, inner] = [perGigabyte(false), perGigabyte(true)];
  return { outer, inner, total: outer + inner, throughput: bytes / ms / 1000 };
}

function costs({ parts }: Runner): Map<string, number> {
  return new Map(Object.entries(parts).map(([name, pid]) => [name, costOf([pid]).processor]));
}

// The suite `isolation`: what others lose by visitors and notebooks that read nothing, in pairs of slices with and without them.

import { setTimeout as sleep } from 'node:timers/promises';
import { STANDING } from '../path/bad.ts';
import type { BadPlan } from '../path/bad.ts';
import { loopbackWorld, startLoad, startProgram } from '../path/world.ts';
import type { Runner, World } from '../path/world.ts';
import { costOf } from '../process-tree.ts';
import type { Metric, Named, Outcome, Sample, Subject, Suite, SuitePlan } from '../suite.ts';

interface Run extends Subject {
  readonly bad: Pick<BadPlan, 'kind' | 'connections'>;
}

const WITH: Named = { name: 'with', label: 'with them' };
const WITHOUT: Named = { name: 'without', label: 'without them' };
const METRICS: readonly Metric[] = [
  { name: 'throughput', label: "others' throughput", unit: 'MB/s', better: 'higher' },
  { name: 'processor', label: 'processor/MB', unit: 'µs', better: 'lower' },
  { name: 'bastion', label: 'memory of the bastion', unit: 'MB', better: 'lower' },
  { name: 'agent', label: 'memory of the agent', unit: 'MB', better: 'lower' },
];
/** Others' load: it goes the way that the bad ones block, four at a time. */
const OTHERS = 4;
const WARM_MS = 300;
const STANDING_MS = 60_000;
/** After they have left, until their buffers are gone. */
const GONE_MS = 300;

const RUNS: readonly Run[] = (['visitor', 'notebook'] as const).flatMap((kind) =>
  [1, 200].map((connections) => ({
    name: `${connections}-${kind}${connections > 1 ? 's' : ''}`,
    label: `${connections} ${kind}${connections > 1 ? 's that read' : ' that reads'} nothing`,
    metrics: METRICS,
    bad: { kind, connections },
  })),
);

export const isolation: Suite = {
  name: 'isolation',
  label: 'Others beside those who read nothing',
  defaults: { rounds: 20, seconds: 1, warmUp: 6 },
  scenarios: RUNS,
  peers: [WITH, WITHOUT],
  ours: WITH.name,
  needs: {},
  run,
};

async function run(plan: SuitePlan): Promise<Outcome> {
  await using world = await loopbackWorld(plan);
  const runner = world.runners[0] as Runner;
  for (const direction of ['down', 'up'] as const)
    if (plan.warmUp > 0)
      await startLoad(world, runner, { direction, streams: OTHERS, warmMs: 0, measureMs: plan.warmUp * 500 }).found;
  const samples: Sample[] = [];
  const take = (sample: Sample): void => {
    samples.push(sample);
    plan.onSample(sample);
  };
  for (const one of RUNS.filter(({ name }) => plan.scenarios.includes(name)))
    for (let round = 0; round < plan.rounds; round += 1) await pair({ world, runner, plan, one, round, take });
  const notes = { others: OTHERS, warmMs: WARM_MS };
  return { samples, peers: world.descriptions, notes };
}

interface Pair {
  readonly world: World;
  readonly runner: Runner;
  readonly plan: SuitePlan;
  readonly one: Run;
  readonly round: number;
  readonly take: (sample: Sample) => void;
}

/** Every other pair begins with the bad ones: whatever drifts meanwhile harms neither side more. */
async function pair({ world, runner, plan, one, round, take }: Pair): Promise<void> {
  const measure = async (peer: Named): Promise<void> =>
    take({ scenario: one.name, peer: peer.name, round, figures: await slice(world, runner, one, plan.seconds) });
  if (round % 2 === 1) await measure(WITHOUT);
  if (runner.load.kind !== 'https') throw new Error('the bad ones are visitors');
  const badPlan: BadPlan = { ...one.bad, approach: runner.load, farControl: world.farControl };
  const bad = startProgram(world.ground, 'bad', badPlan);
  await bad.line((line) => (line === STANDING ? true : undefined), STANDING_MS);
  await measure(WITH);
  if (!bad.running) throw new Error(`the bad ones did not stay: ${bad.lastWords}`);
  await bad.stop();
  await sleep(GONE_MS);
  if (round % 2 === 0) await measure(WITHOUT);
}

async function slice(world: World, runner: Runner, { bad }: Run, seconds: number): Promise<Record<string, number>> {
  const direction = bad.kind === 'visitor' ? 'down' : 'up';
  const load = startLoad(world, runner, { direction, streams: OTHERS, warmMs: WARM_MS, measureMs: seconds * 1000 });
  const { bytesPerMs, processor } = await load.found;
  const [bastion, agent] = runner.processes.map((pid) => costOf([pid]).resident / 1e6);
  return { throughput: bytesPerMs / 1000, processor, bastion: bastion ?? Number.NaN, agent: agent ?? Number.NaN };
}

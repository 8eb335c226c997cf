// The suite `isolation`: what others lose by visitors and notebooks that read nothing, in pairs of slices with and without them.

import { setTimeout as sleep } from 'node:timers/promises';
import type { Child } from '../../contrib/demo/child.ts';
import { STANDING } from '../path/bad.ts';
import type { BadPlan } from '../path/bad.ts';
import { tell } from '../path/control.ts';
import type { Count, FarOrder } from '../path/far.ts';
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
const WARM_MS = 200;
const STANDING_MS = 90_000;
/** After they have left, until their buffers are gone. */
const GONE_MS = 300;
const TRIES = 5;
const STILL_BYTES = 1e6;

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
  for (const one of RUNS.filter(({ name }) => plan.scenarios.includes(name))) {
    const company = new Company(world, runner, one);
    for (const { round, peer } of turns(plan.rounds)) {
      await (peer === WITH ? company.come() : company.leave());
      const figures = await company.still(() => slice(world, runner, one, plan.seconds));
      take({ scenario: one.name, peer: peer.name, round, figures });
    }
    await company.leave();
  }
  const notes = { others: OTHERS, warmMs: WARM_MS };
  return { samples, peers: world.descriptions, notes };
}

/** Every other pair begins without: whatever drifts harms neither side more, and the bad ones come for two slices at a time. */
export function turns(rounds: number): { readonly round: number; readonly peer: Named }[] {
  return Array.from({ length: rounds }, (_, round) =>
    (round % 2 === 0 ? [WITH, WITHOUT] : [WITHOUT, WITH]).map((peer) => ({ round, peer })),
  ).flat();
}

/** Those who read nothing, while they are there. */
class Company {
  readonly #start: () => Child;
  readonly #farControl: string;
  #child: Child | undefined;

  constructor({ ground, farControl }: World, { load }: Runner, { bad }: Run) {
    if (load.kind !== 'https') throw new Error('the bad ones are visitors');
    const plan: BadPlan = { ...bad, approach: load, farControl };
    this.#farControl = farControl;
    this.#start = () => startProgram(ground, 'bad', plan);
  }

  async come(): Promise<void> {
    const child = (this.#child ??= this.#start());
    await child.line((line) => (line === STANDING ? true : undefined), STANDING_MS);
  }

  /** What is measured while buffers of theirs still fill tells of their share, not of standing still: it is measured again. */
  async still<T>(measure: () => Promise<T>): Promise<T> {
    const order: FarOrder = { op: 'count' };
    for (let tries = 0; tries < TRIES; tries += 1) {
      const before = await tell<Count>(this.#farControl, order);
      const found = await measure();
      const after = await tell<Count>(this.#farControl, order);
      if (after.unread - before.unread < STILL_BYTES) return found;
    }
    throw new Error('what nobody reads went on moving');
  }

  /** Throws when they were not there until now. */
  async leave(): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    this.#child = undefined;
    if (!child.running) throw new Error(`the bad ones did not stay: ${child.lastWords}`);
    await child.stop();
    await sleep(GONE_MS);
  }
}

async function slice(world: World, runner: Runner, { bad }: Run, seconds: number): Promise<Record<string, number>> {
  const direction = bad.kind === 'visitor' ? 'down' : 'up';
  const load = startLoad(world, runner, { direction, streams: OTHERS, warmMs: WARM_MS, measureMs: seconds * 1000 });
  const { bytesPerMs, processor } = await load.found;
  const [bastion, agent] = runner.processes.map((pid) => costOf([pid]).resident / 1e6);
  return { throughput: bytesPerMs / 1000, processor, bastion: bastion ?? Number.NaN, agent: agent ?? Number.NaN };
}

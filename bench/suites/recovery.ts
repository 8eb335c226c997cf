// The suite `recovery`: a bastion is killed, is away for a while, and its agents come back by themselves.

import { setTimeout as delay } from 'node:timers/promises';
import { killLeftovers } from '../../contrib/demo/leftovers.ts';
import { prepareBastion } from '../fleet/bastion.ts';
import { Agents } from '../fleet/fleet.ts';
import { bareGround } from '../ground.ts';
import type { Ground } from '../peers/peer.ts';
import { costOf } from '../process-tree.ts';
import type { Figures, Metric, Outcome, Sample, Subject, Suite, SuitePlan } from '../suite.ts';

const AGENTS = 2000;
/** Agents share processes, and so processors, with nobody they would meet in life: two processes of a thousand. */
const PROCESSES = 2;
const LOOK_MS = 250;
const PATIENCE_MS = 120_000;
/** For what follows a registration. */
const SETTLE_MS = 2_000;
/** What the bastion logs of an agent that it turns away. */
const REFUSED = 'registration refused';

const METRICS: readonly Metric[] = [
  { name: 'median', label: 'half of the agents are back after', unit: 's', better: 'lower' },
  { name: 'p90', label: 'nine of ten', unit: 's', better: 'lower' },
  { name: 'last', label: 'the last', unit: 's', better: 'lower' },
  { name: 'refused', label: 'agents told to come later', unit: '', better: 'lower' },
  { name: 'handshake', label: 'processor/agent of the bastion', unit: 'ms', better: 'lower' },
  { name: 'bastion', label: 'processor of the bastion, its start included', unit: 's', better: 'lower' },
  { name: 'agents', label: 'processor of all agents, from the kill on', unit: 's', better: 'lower' },
];

interface Away extends Subject {
  readonly awayMs: number;
}

const SCENARIOS: readonly Away[] = [5, 60].map((seconds) => ({
  name: `away-${seconds}`,
  label: `${AGENTS} agents, the bastion killed and away for ${seconds} s`,
  metrics: METRICS,
  awayMs: seconds * 1000,
}));

const OURS = 'postern';

export const recovery: Suite = {
  name: 'recovery',
  label: 'Agents come back to a bastion that was killed',
  defaults: { rounds: 1, seconds: 1, warmUp: 0 },
  scenarios: SCENARIOS,
  // ssh has nothing of the kind: who wants `ssh -R` back writes a loop.
  peers: [{ name: OURS, label: 'postern' }],
  ours: OURS,
  needs: {},
  run,
};

async function run(plan: SuitePlan): Promise<Outcome> {
  const ground = await bareGround(plan.id);
  const samples: Sample[] = [];
  try {
    for (let round = 0; round < plan.rounds; round += 1)
      for (const scenario of SCENARIOS.filter(({ name }) => plan.scenarios.includes(name))) {
        const figures = await killAndWait(ground, `${scenario.name}-${round}`, scenario.awayMs, plan);
        const sample = { scenario: scenario.name, peer: OURS, round, figures };
        samples.push(sample);
        plan.onSample(sample);
      }
  } finally {
    killLeftovers(plan.id);
  }
  const description = `default limits; ${AGENTS} agents in ${PROCESSES} processes on the same machine`;
  return { samples, peers: { [OURS]: description } };
}

async function killAndWait(ground: Ground, name: string, awayMs: number, plan: SuitePlan): Promise<Figures> {
  const bastion = await prepareBastion(ground, name, AGENTS);
  // The first one is to be full soon; the one that is measured has the limits of everybody.
  const first = await bastion.start(['--handshake-rate', '100000', '--handshake-burst', '100000']);
  const each = AGENTS / PROCESSES;
  const fleets = Array.from({ length: PROCESSES }, (_, index) => new Agents(ground, bastion, index * each));
  await Promise.all(fleets.map((fleet) => fleet.add(each)));
  plan.say(`${AGENTS} agents have registered; the bastion is killed and away for ${awayMs / 1000} s`);
  await delay(SETTLE_MS);
  const processes = fleets.map((fleet) => fleet.process.pid);
  const spent = costOf(processes).processor;
  await first.stop('SIGKILL');
  await delay(awayMs);
  const next = await bastion.start();
  const back = Date.now();
  next.count(REFUSED);
  const start = await next.call<number>('processor');
  const times = await returns(fleets, back);
  const whole = await next.call<number>('processor');
  const figures = {
    median: at(times, 0.5),
    p90: at(times, 0.9),
    last: at(times, 1),
    refused: next.count(REFUSED),
    handshake: ((whole - start) * 1000) / AGENTS,
    bastion: whole,
    agents: costOf(processes).processor - spent,
  };
  await Promise.all([next.stop(), ...fleets.map((fleet) => fleet.process.stop())]);
  return figures;
}

/** Seconds from `back` on until each agent was back, in order. */
async function returns(fleets: readonly Agents[], back: number): Promise<number[]> {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    const states = await Promise.all(fleets.map((fleet) => fleet.state()));
    const seconds = states.flatMap(({ upAt }) => upAt.filter((when) => when > 0).map((when) => (when - back) / 1000));
    if (seconds.length === AGENTS) return seconds.toSorted((a, b) => a - b);
    if (Date.now() > deadline) throw new Error(`only ${seconds.length} of ${AGENTS} agents came back`);
    await delay(LOOK_MS);
  }
}

function at(sorted: readonly number[], share: number): number {
  return sorted[Math.ceil(sorted.length * share) - 1] ?? Number.NaN;
}

// Interleaved slices: in every round each peer has its turn, so that what disturbs the machine disturbs all alike.

import type { Peer, RunningPeer, Ground } from './peers/peer.ts';
import { costOf } from './process-tree.ts';
import type { Aim, Scenario } from './scenarios.ts';
import type { Sample } from './suite.ts';

export interface Contestant {
  readonly peer: Peer;
  readonly running: RunningPeer;
}

export interface Plan {
  readonly ground: Ground;
  readonly contestants: readonly Contestant[];
  readonly scenarios: readonly Scenario[];
  readonly rounds: number;
  /** Length of a slice. */
  readonly seconds: number;
  /** Load on each peer before a scenario's first slice, in seconds, unrecorded; 0 for none. */
  readonly warmUp: number;
  onSample?(sample: Sample): void;
}

/** Runs all slices. The order of the peers turns by one each round: none always follows the same other. */
export async function measure(plan: Plan): Promise<Sample[]> {
  const samples: Sample[] = [];
  for (const scenario of plan.scenarios) {
    await warm(plan, scenario);
    for (let round = 0; round < plan.rounds; round += 1)
      for (let turn = 0; turn < plan.contestants.length; turn += 1) {
        const contestant = plan.contestants[(turn + round) % plan.contestants.length] as Contestant;
        const sample = await slice(plan, scenario, contestant, round);
        samples.push(sample);
        plan.onSample?.(sample);
      }
  }
  return samples;
}

/** What is measured is a daemon that has run for a while, not a just-in-time compiler at work. */
async function warm(plan: Plan, scenario: Scenario): Promise<void> {
  if (plan.warmUp === 0) return;
  for (const contestant of plan.contestants) await slice({ ...plan, seconds: plan.warmUp }, scenario, contestant, -1);
}

async function slice(plan: Plan, scenario: Scenario, { peer, running }: Contestant, round: number): Promise<Sample> {
  const processes = running.processes.map((child) => child.pid);
  const aim: Aim = {
    url: (path) => `https://${plan.ground.host}:${running.port}${path}`,
    headers: running.headers,
    seconds: plan.seconds,
  };
  const before = costOf(processes);
  const { figures, work } = await scenario.run(aim).catch((cause: unknown) => {
    throw new Error(`${scenario.name} with ${peer.name}: ${(cause as Error).message}`, { cause });
  });
  const after = costOf(processes);
  // Microseconds per unit of work, and MB at the end of the slice.
  const processor = ((after.processor - before.processor) * 1e6) / work;
  return {
    scenario: scenario.name,
    peer: peer.name,
    round,
    figures: { ...figures, processor, resident: after.resident / 1e6 },
  };
}

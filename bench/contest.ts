// A contest of peers on one ground: what the suites of loads have in common.

import { layGround } from './ground.ts';
import { measure, type Contestant } from './measure.ts';
import { missingFor } from './needs.ts';
import type { Peer } from './peers/peer.ts';
import type { Scenario } from './scenarios.ts';
import type { Outcome, SuitePlan } from './suite.ts';

export async function runContest(
  plan: SuitePlan,
  peers: readonly Peer[],
  scenarios: readonly Scenario[],
): Promise<Outcome> {
  await using ground = await layGround(plan.id);
  const contestants: Contestant[] = [];
  for (const peer of available(plan, peers)) {
    plan.say(`Starting ${peer.label} ...`);
    contestants.push({ peer, running: await peer.start(ground) });
  }
  const chosen = scenarios.filter(({ name }) => plan.scenarios.includes(name));
  const { rounds, seconds, warmUp } = plan;
  const onSample = plan.onSample.bind(plan);
  const samples = await measure({ ground, contestants, scenarios: chosen, rounds, seconds, warmUp, onSample });
  const described = contestants.map(async ({ peer }) => [peer.name, await peer.describe()] as const);
  return { samples, peers: Object.fromEntries(await Promise.all(described)) };
}

/** The peers that can run here; says why the others can't. */
function available(plan: SuitePlan, peers: readonly Peer[]): Peer[] {
  return peers
    .filter((peer) => plan.peers.includes(peer.name))
    .filter((peer) => {
      const packages = missingFor(peer.needs);
      if (packages.length > 0) plan.say(`Without ${peer.label}: apt-get install ${packages.join(' ')}`);
      return packages.length === 0;
    });
}

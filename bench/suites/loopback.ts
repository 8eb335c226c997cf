// The suite `loopback`: small answers and downloads, everything on 127.0.0.1, beside what people use today.

import { layGround } from '../ground.ts';
import { measure } from '../measure.ts';
import type { Contestant } from '../measure.ts';
import { missingFor } from '../needs.ts';
import { direct, nginx } from '../peers/nginx.ts';
import { openssh } from '../peers/openssh.ts';
import type { Peer } from '../peers/peer.ts';
import { httpProxy, postern } from '../peers/postern.ts';
import { RESIDENT, SCENARIOS } from '../scenarios.ts';
import type { Outcome, Suite, SuitePlan } from '../suite.ts';

const PEERS: readonly Peer[] = [postern, direct, nginx, openssh, httpProxy];

export const loopback: Suite = {
  name: 'loopback',
  label: 'Small answers and downloads on one machine',
  defaults: { rounds: 20, seconds: 2, warmUp: 10 },
  scenarios: SCENARIOS.map((scenario) => ({
    ...scenario,
    metrics: [...scenario.metrics, scenario.work, RESIDENT],
  })),
  peers: PEERS,
  ours: postern.name,
  needs: { wrk: 'wrk', nginx: 'nginx-light' },
  panels: [
    { scenario: 'small-32', metric: 'rate', title: 'Small HTTPS requests per second, 32 connections' },
    { scenario: 'small-32', metric: 'p99', title: '99th percentile of their latency' },
    { scenario: 'small-1', metric: 'p50', title: 'Median latency of a small request, 1 connection' },
    { scenario: 'bulk-1', metric: 'throughput', title: 'Download, 1 stream' },
    { scenario: 'bulk-8', metric: 'throughput', title: 'Download, 8 streams' },
  ],
  run,
};

async function run(plan: SuitePlan): Promise<Outcome> {
  await using ground = await layGround(plan.id);
  const contestants: Contestant[] = [];
  for (const peer of available(plan)) {
    plan.say(`Starting ${peer.label} ...`);
    contestants.push({ peer, running: await peer.start(ground) });
  }
  const scenarios = SCENARIOS.filter(({ name }) => plan.scenarios.includes(name));
  const { rounds, seconds, warmUp } = plan;
  const onSample = plan.onSample.bind(plan);
  const samples = await measure({ ground, contestants, scenarios, rounds, seconds, warmUp, onSample });
  const described = contestants.map(async ({ peer }) => [peer.name, await peer.describe()] as const);
  return { samples, peers: Object.fromEntries(await Promise.all(described)) };
}

/** The peers that can run here; says why the others can't. */
function available(plan: SuitePlan): Peer[] {
  return PEERS.filter((peer) => plan.peers.includes(peer.name)).filter((peer) => {
    const packages = missingFor(peer.needs);
    if (packages.length > 0) plan.say(`Without ${peer.label}: apt-get install ${packages.join(' ')}`);
    return packages.length === 0;
  });
}

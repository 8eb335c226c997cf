// The suite `memory`: what an idle tunnel and an idle WebSocket cost, in the bastion and in the agent, beside the TLS they need.

import { killLeftovers } from '../../contrib/demo/leftovers.ts';
import { prepareBastion } from '../fleet/bastion.ts';
import type { Helper } from '../fleet/calls.ts';
import { Agents, holder, Visitors } from '../fleet/fleet.ts';
import type { Memory } from '../fleet/memory.ts';
import { sshConnections, sshStreams } from '../fleet/openssh.ts';
import { bareGround } from '../ground.ts';
import { missingFor } from '../needs.ts';
import { openssh } from '../peers/openssh.ts';
import type { Ground } from '../peers/peer.ts';
import type { Figures, Metric, Named, Outcome, Sample, Subject, Suite, SuitePlan } from '../suite.ts';

const BASTION: Named = { name: 'bastion', label: 'postern-bastion' };
const AGENT: Named = { name: 'agent', label: 'agents (all in one process)' };
const TLS: Named = { name: 'tls', label: 'plain TLS server in Node.js' };
const WEBSOCKET: Named = { name: 'websocket', label: '`ws` over TLS, nothing else' };
const SSHD: Named = { name: 'sshd', label: 'sshd' };
const SSH: Named = { name: 'ssh', label: 'ssh -R' };
const COUNTS = [1000, 10_000] as const;
/** What runs once before anything counts: code is compiled, pools are filled. */
const WARM = 100;
/** Streams of all go through so many tunnels. */
const TUNNELS = 100;
/** An sshd has a process or two for each: so many say what one costs. */
const SSH_CONNECTIONS = 25;

const RESIDENT: Metric = { name: 'resident', label: 'resident, each', unit: 'KB', better: 'lower' };
const BEYOND: Metric = { name: 'beyond', label: "beyond the visitor's TLS connection", unit: 'KB', better: 'lower' };
const HEAP: Metric = { name: 'heap', label: "of it on V8's heap", unit: 'KB', better: 'lower' };
const TOTAL: Metric = { name: 'total', label: 'whole process', unit: 'MB', better: 'lower' };

interface Crowd extends Subject {
  readonly of: 'tunnels' | 'streams';
  readonly count: number;
}

const SCENARIOS: readonly Crowd[] = [
  ...COUNTS.map((count) => ({
    name: `tunnels-${count}`,
    label: `${count} idle tunnels of one link`,
    metrics: [RESIDENT, HEAP, TOTAL],
    of: 'tunnels' as const,
    count,
  })),
  ...COUNTS.map((count) => ({
    name: `streams-${count}`,
    label: `${count} idle WebSockets through ${TUNNELS} tunnels`,
    metrics: [RESIDENT, BEYOND, HEAP, TOTAL],
    of: 'streams' as const,
    count,
  })),
];

export const memory: Suite = {
  name: 'memory',
  label: 'Memory of idle tunnels and idle WebSockets',
  defaults: { rounds: 1, seconds: 1, warmUp: 0 },
  scenarios: SCENARIOS,
  peers: [BASTION, AGENT, TLS, WEBSOCKET, SSHD, SSH],
  ours: BASTION.name,
  needs: {},
  run,
};

/** What a crowd has made of each process. */
type Found = Readonly<Record<string, Figures>>;

async function run(plan: SuitePlan): Promise<Outcome> {
  const ground = await bareGround(plan.id);
  const samples: Sample[] = [];
  const wanted = SCENARIOS.filter(({ name }) => plan.scenarios.includes(name));
  const keep = (crowd: Crowd, round: number, found: Found): void => {
    for (const [peer, figures] of Object.entries(found)) {
      if (!plan.peers.includes(peer)) continue;
      const sample = { scenario: crowd.name, peer, round, figures };
      samples.push(sample);
      plan.onSample(sample);
    }
  };
  try {
    for (let round = 0; round < plan.rounds; round += 1)
      for (const crowd of wanted) {
        const name = `${crowd.name}-${round}`;
        keep(crowd, round, await (crowd.of === 'tunnels' ? tunnels : streams)(ground, name, crowd.count, plan));
      }
  } finally {
    killLeftovers(plan.id);
  }
  return { samples, peers: await descriptions(plan) };
}

async function descriptions(plan: SuitePlan): Promise<Record<string, string>> {
  const node = `Node ${process.version}`;
  const ours = { bastion: node, agent: node, tls: node, websocket: node };
  return wantsSsh(plan) ? { ...ours, sshd: await openssh.describe(), ssh: await openssh.describe() } : ours;
}

async function tunnels(ground: Ground, name: string, count: number, plan: SuitePlan): Promise<Found> {
  const { bastion, serving, agents } = await started(ground, name, count + WARM);
  await agents.add(WARM);
  const before = await both(serving, agents.process);
  await agents.add(count);
  const after = await both(serving, agents.process);
  const ours = {
    bastion: figuresOf(before.bastion, after.bastion, count),
    agent: figuresOf(before.agent, after.agent, count),
  };
  await Promise.all([serving.stop(), agents.process.stop()]);
  plan.say(`${after.bastion.descriptors} files open in the bastion (${bastion.origin})`);
  const peers = { tls: await held(ground, 'tls', count), websocket: await held(ground, 'websocket', count) };
  return { ...ours, ...peers, ...(wantsSsh(plan) ? await sshConnections(ground, SSH_CONNECTIONS) : {}) };
}

async function streams(ground: Ground, name: string, count: number, plan: SuitePlan): Promise<Found> {
  const notebook = await holder(ground, 'notebook');
  const { bastion, serving, agents } = await started(ground, name, TUNNELS);
  await agents.add(TUNNELS);
  const visitors = new Visitors(ground);
  const to = { port: bastion.port, names: TUNNELS, webSocket: true };
  await visitors.add(WARM, to);
  const before = await both(serving, agents.process);
  await visitors.add(count, to);
  const after = await both(serving, agents.process);
  await visitors.check();
  plan.say(`${after.bastion.descriptors} files open in the bastion, ${after.agent.descriptors} in the agents' process`);
  await Promise.all([visitors, agents, notebook].map((each) => each.process.stop()));
  await serving.stop();
  const tls = await held(ground, 'tls', count);
  const ours = figuresOf(before.bastion, after.bastion, count);
  const agent = figuresOf(before.agent, after.agent, count);
  const webSocket = await held(ground, 'websocket', count);
  const beyond = (figures: Figures): Figures => ({
    ...figures,
    beyond: (figures['resident'] ?? 0) - (tls['resident'] ?? 0),
  });
  const peers = { tls, websocket: beyond(webSocket), ...(wantsSsh(plan) ? await sshStreams(ground, COUNTS[0]) : {}) };
  // Behind the bastion there is no visitor's TLS: all of it is beyond.
  return { bastion: beyond(ours), agent: { ...agent, beyond: agent['resident'] ?? 0 }, ...peers };
}

async function started(ground: Ground, name: string, agents: number) {
  const bastion = await prepareBastion(ground, name, agents);
  const serving = await bastion.start(['--handshake-rate', '100000', '--handshake-burst', '100000']);
  return { bastion, serving, agents: new Agents(ground, bastion) };
}

async function both(bastion: Helper, agents: Helper): Promise<{ bastion: Memory; agent: Memory }> {
  const [first, second] = await Promise.all([bastion.call<Memory>('memory'), agents.call<Memory>('memory')]);
  return { bastion: first, agent: second };
}

/** As many connections with a server that does nothing but hold them. */
async function held(ground: Ground, kind: 'tls' | 'websocket', count: number): Promise<Figures> {
  const { process, port } = await holder(ground, kind);
  const visitors = new Visitors(ground);
  const to = { port, names: 1, webSocket: kind === 'websocket' };
  await visitors.add(WARM, to);
  const before = await process.call<Memory>('memory');
  await visitors.add(count, to);
  const after = await process.call<Memory>('memory');
  await visitors.check();
  await Promise.all([process.stop(), visitors.process.stop()]);
  return figuresOf(before, after, count);
}

function figuresOf(before: Memory, after: Memory, count: number): Figures {
  const each = (key: 'resident' | 'heap'): number => (after[key] - before[key]) / count / 1000;
  return { resident: each('resident'), heap: each('heap'), total: after.resident / 1e6 };
}

function wantsSsh(plan: SuitePlan): boolean {
  if (![SSHD, SSH].some(({ name }) => plan.peers.includes(name))) return false;
  const packages = missingFor(openssh.needs);
  if (packages.length > 0) plan.say(`Without ssh: apt-get install ${packages.join(' ')}`);
  return packages.length === 0;
}

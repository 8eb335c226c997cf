// Everything that a suite over a path needs: network, far end and peers, and how to put loads on them.

import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Child, childEnvironment } from '../../contrib/demo/child.ts';
import { MARKER, killLeftovers } from '../../contrib/demo/leftovers.ts';
import { bareGround } from '../ground.ts';
import { missingFor } from '../needs.ts';
import { openssh } from '../peers/openssh.ts';
import type { Ground, Peer } from '../peers/peer.ts';
import { postern } from '../peers/postern.ts';
import { costOf } from '../process-tree.ts';
import type { Named, Suite, SuitePlan } from '../suite.ts';
import type { Approach } from './approach.ts';
import type { AskFindings, AskPlan } from './ask.ts';
import { FAR_READY } from './far.ts';
import type { FarPlan } from './far.ts';
import { MEASURING } from './load.ts';
import type { LoadFindings, LoadPlan } from './load.ts';
import { NEAR_ADDRESS, RELAY_ADDRESS, makeNetwork } from './network.ts';
import type { Network } from './network.ts';
import type { PathSetting } from './settings.ts';

/** A plain TCP connection over the same path: what no tunnel can beat. */
export const TCP: Named = { name: 'tcp', label: 'plain TCP' };

/** What every suite over a path is: who runs in it, and what the machine must have. */
export const ON_A_PATH: Pick<Suite, 'peers' | 'ours' | 'needs' | 'ownNetwork'> = {
  peers: [postern, openssh, TCP],
  ours: postern.name,
  needs: { ip: 'iproute2', tc: 'iproute2', unshare: 'util-linux', nsenter: 'util-linux' },
  ownNetwork: true,
};

const DOMAIN = 'notebooks.bench.test';
/** The network is our own: no port of it is ever taken. */
const PORTS = { postern: 8443, openssh: 8022, tcpLoad: 8001, tcpAsk: 8002 } as const;
const READY_MS = 10_000;
/** What a load may take beyond its time before it counts as hanging. */
const PATIENCE_MS = 30_000;

export interface Runner {
  readonly name: string;
  readonly load: Approach;
  readonly ask: Approach;
  /** The processes whose cost counts. */
  readonly processes: readonly number[];
  /** The same by what they are: `bastion`, `agent`. */
  readonly parts: Readonly<Record<string, number>>;
}

export interface World {
  readonly ground: Ground;
  readonly runners: readonly Runner[];
  readonly farControl: string;
  readonly descriptions: Readonly<Record<string, string>>;
}

export interface PathWorld extends World {
  readonly network: Network;
  /** Another path from now on. Our tunnel gets it as a new connection, as agents do that move; other peers keep theirs. */
  become(setting: PathSetting): Promise<void>;
  /** Resets our tunnel's connection. */
  cut(): Promise<void>;
}

/** Our agent is back by then; ssh would have ended. */
const RESUMED_MS = 1_500;

/** Over a network of our own, with the peers that the plan names and the machine has. */
export async function pathWorld(plan: SuitePlan): Promise<PathWorld & AsyncDisposable> {
  const bare = await bareGround(plan.id, DOMAIN);
  const { id } = plan;
  const hosts = [bare.domain, bare.host];
  const network = await makeNetwork({ id, folder: bare.folder, ports: Object.values(PORTS), hosts });
  const place = { far: network.far, listenHost: '0.0.0.0', dialHost: RELAY_ADDRESS, ports: PORTS };
  const ground: Ground = { ...bare, place };
  const farControl = await startFar(ground);
  const runners: Runner[] = [];
  const descriptions: Record<string, string> = {};
  for (const peer of [postern, openssh]) {
    if (!plan.peers.includes(peer.name) || !hasWhatItNeeds(peer, plan)) continue;
    plan.say(`Starting ${peer.label} ...`);
    runners.push(await startPeer(peer, ground));
    descriptions[peer.name] = await peer.describe();
  }
  if (plan.peers.includes(TCP.name)) {
    runners.push(plainTcp());
    descriptions[TCP.name] = 'a connection for each stream, dialled by the far end, not encrypted';
  }
  const stop = async (): Promise<void> => void killLeftovers(id);
  const cut = (): Promise<void> => network.order({ cut: PORTS.postern });
  const become = async (setting: PathSetting): Promise<void> => {
    await network.become(setting);
    await cut();
    await sleep(RESUMED_MS);
  };
  return { ground, runners, farControl, descriptions, network, become, cut, [Symbol.asyncDispose]: stop };
}

/** Both ends on loopback, and only ourselves unless others are named. */
export async function loopbackWorld(
  plan: SuitePlan,
  peers: readonly Peer[] = [postern],
): Promise<World & AsyncDisposable> {
  const ground = await bareGround(plan.id);
  const farControl = await startFar(ground);
  const runners: Runner[] = [];
  const descriptions: Record<string, string> = {};
  for (const peer of peers) {
    if (!hasWhatItNeeds(peer, plan)) continue;
    runners.push(await startPeer(peer, ground));
    descriptions[peer.name] = await peer.describe();
  }
  const stop = async (): Promise<void> => void killLeftovers(plan.id);
  return { ground, runners, farControl, descriptions, [Symbol.asyncDispose]: stop };
}

function hasWhatItNeeds(peer: Peer, plan: SuitePlan): boolean {
  const packages = missingFor(peer.needs);
  if (packages.length > 0) plan.say(`Without ${peer.label}: apt-get install ${packages.join(' ')}`);
  return packages.length === 0;
}

async function startPeer(peer: Peer, ground: Ground): Promise<Runner> {
  const { port, headers, processes } = await peer.start(ground);
  const approach: Approach = { kind: 'https', port, host: ground.host, headers, caFile: ground.caFile };
  const parts = Object.fromEntries(processes.map((child) => [child.name, child.pid]));
  return { name: peer.name, load: approach, ask: approach, processes: Object.values(parts), parts };
}

function plainTcp(): Runner {
  const common = { kind: 'tcp', listenHost: NEAR_ADDRESS, dialHost: RELAY_ADDRESS } as const;
  const load = { ...common, port: PORTS.tcpLoad };
  return { name: TCP.name, load, ask: { ...common, port: PORTS.tcpAsk }, processes: [], parts: {} };
}

async function startFar(ground: Ground): Promise<string> {
  const controlSocket = join(ground.folder, 'far.sock');
  const plan: FarPlan = { notebookSocket: ground.upstreamSocket, controlSocket };
  const child = startProgram(ground, 'far', plan, ground.place?.far);
  await child.line((line) => (line === FAR_READY ? true : undefined), READY_MS);
  return controlSocket;
}

/** Starts one of the programs beside this file, whose plan is its argument. */
export function startProgram(ground: Ground, name: string, plan: object, prefix: readonly string[] = []): Child {
  const program = join(import.meta.dirname, `${name}.ts`);
  const command = [...prefix, process.execPath, program, JSON.stringify(plan)];
  return new Child({ name, command, env: childEnvironment({ [MARKER]: ground.id }) });
}

export type LoadKind = Omit<LoadPlan, 'approach' | 'farControl'>;

export interface Loading {
  /** The warm-up is over. */
  readonly measuring: Promise<unknown>;
  readonly found: Promise<LoadFindings & { readonly bytesPerMs: number; readonly processor: number }>;
}

/** Puts a bulk load on a peer; both promises reject when anything about it fails. */
export function startLoad(world: World, runner: Runner, kind: LoadKind): Loading {
  const plan: LoadPlan = { ...kind, approach: runner.load, farControl: world.farControl };
  const child = startProgram(world.ground, 'load', plan);
  const patience = kind.warmMs + kind.measureMs + PATIENCE_MS;
  const measuring = child.line((line) => (line === MEASURING ? true : undefined), patience);
  measuring.catch(() => undefined);
  const find = async () => {
    await measuring;
    const before = costOf(runner.processes);
    const found = await resultOf<LoadFindings>(child, patience);
    const after = costOf(runner.processes);
    if (found.bytes <= 0) throw new Error(`${runner.name}: nothing arrived`);
    // Microseconds per megabyte, by the bytes of the same time.
    const processor = ((after.processor - before.processor) * 1e12) / found.bytes;
    return { ...found, bytesPerMs: found.bytes / found.ms, processor };
  };
  const found = find();
  found.catch(() => undefined);
  return { measuring, found };
}

/** A person at work for a while; answers the latencies. */
export async function ask(
  world: World,
  runner: Runner,
  kind: Omit<AskPlan, 'approach' | 'farControl'>,
): Promise<number[]> {
  const plan: AskPlan = { ...kind, approach: runner.ask, farControl: world.farControl };
  const child = startProgram(world.ground, 'ask', plan);
  const { latencies } = await resultOf<AskFindings>(child, kind.forMs + PATIENCE_MS);
  if (latencies.length === 0) throw new Error(`${runner.name}: no answer`);
  return [...latencies];
}

function resultOf<T>(child: Child, patienceMs: number): Promise<T> {
  const read = (line: string): T | undefined =>
    line.startsWith('RESULT ') ? (JSON.parse(line.slice('RESULT '.length)) as T) : undefined;
  return child.line(read, patienceMs);
}

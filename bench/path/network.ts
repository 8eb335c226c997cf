// The network between bastion and agent: four namespaces that nobody else sees, two shaped hops, and the relay's delay between.
//
//   near (here)           router                middle         far
//   bastion, visitors --- 10.77.1.0/24 --- tbf --- 10.77.2.0/24 --- relay
//                         10.77.4.0/24 --- tbf --- 10.77.3.0/24 --- relay        agent, notebook
//
// The bucket stands behind a hop of its own: at the sender's own interface Linux would hold a connection back before it
// fills a queue (TCP small queues), which no sender does whose bottleneck is elsewhere.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Child, childEnvironment, runToEnd } from '../../contrib/demo/child.ts';
import { MARKER } from '../../contrib/demo/leftovers.ts';
import { tell } from './control.ts';
import { RELAY_READY } from './relay.ts';
import type { RelayOrder, RelayPlan } from './relay.ts';
import { bucketOf } from './settings.ts';
import type { PathSetting } from './settings.ts';

export const NEAR_ADDRESS = '10.77.1.1';
/** What agents dial. */
export const RELAY_ADDRESS = '10.77.3.2';
const NEAR_SIDE = { near: NEAR_ADDRESS, router: '10.77.1.2', routerOut: '10.77.2.1', middle: '10.77.2.2' } as const;
const FAR_SIDE = { far: '10.77.4.1', router: '10.77.4.2', routerOut: '10.77.3.1', middle: RELAY_ADDRESS } as const;
/** The router's interfaces towards the relay: what leaves there is shaped. */
const SHAPED = ['near-out', 'far-out'] as const;
const QUEUE_BYTES = 32 * 1024 * 1024;
const READY_MS = 10_000;
const HOLDING = 'holding';

export interface Network {
  /** In front of a command that is to run at the far end. */
  readonly far: readonly string[];
  /** Both directions, from now on; connections stay. */
  become(setting: PathSetting): Promise<void>;
  order(order: RelayOrder): Promise<void>;
  /** Bytes dropped by the buckets so far. */
  dropped(): Promise<number>;
}

/** What the network is made for. */
export interface NetworkPlan {
  readonly id: string;
  readonly folder: string;
  /** What near processes listen on at `NEAR_ADDRESS`, and far ones reach at `RELAY_ADDRESS`. */
  readonly ports: readonly number[];
  /** Names that mean 127.0.0.1 here and the relay at the far end. */
  readonly hosts: readonly string[];
}

/** Makes it; to be called in a network and mount namespace of this process's own. It ends with the processes of the run. */
export async function makeNetwork(plan: NetworkPlan): Promise<Network> {
  const [router, middle, far] = await Promise.all(['router', 'middle', 'far'].map((name) => holdNamespace(plan, name)));
  if (router === undefined || middle === undefined || far === undefined) throw new Error('unreachable');
  await layCables(router, middle, far);
  await run(hostsCommand(plan, 'near', '127.0.0.1'));
  await run([...inside(far), ...hostsCommand(plan, 'far', RELAY_ADDRESS)]);
  const controlSocket = join(plan.folder, 'relay.sock');
  const relayPlan: RelayPlan = {
    controlSocket,
    host: '0.0.0.0',
    targetHost: NEAR_ADDRESS,
    ports: plan.ports,
    queueBytes: QUEUE_BYTES,
  };
  const program = join(import.meta.dirname, 'relay.ts');
  const command = [...inside(middle), process.execPath, program, JSON.stringify(relayPlan)];
  const relay = new Child({ name: 'relay', command, env: childEnvironment({ [MARKER]: plan.id }) });
  await relay.line((line) => (line === RELAY_READY ? true : undefined), READY_MS);
  const order = async (what: RelayOrder): Promise<void> => {
    await tell(controlSocket, what);
  };
  return {
    far: inside(far),
    order,
    async become(setting) {
      for (const device of SHAPED) await shape(router, device, setting);
      await order({ delayMs: setting.roundTripMs / 2 });
    },
    dropped: () => droppedBy(router),
  };
}

/** A process whose only task is to be in a new namespace; its pid leads there, and the namespace ends with it. */
async function holdNamespace(plan: NetworkPlan, name: string): Promise<number> {
  const command = ['unshare', '--net', '--mount', 'sh', '-c', `echo ${HOLDING} && exec sleep infinity`];
  const child = new Child({ name, command, env: childEnvironment({ [MARKER]: plan.id }) });
  await child.line((line) => (line === HOLDING ? true : undefined), READY_MS);
  await run([...inside(child.pid), 'ip', 'link', 'set', 'lo', 'up']);
  return child.pid;
}

function inside(pid: number): string[] {
  return ['nsenter', `--net=/proc/${pid}/ns/net`, `--mount=/proc/${pid}/ns/mnt`, '--'];
}

async function layCables(router: number, middle: number, far: number): Promise<void> {
  await run(['ip', 'link', 'set', 'lo', 'up']);
  await layCable(['near-in', process.pid, NEAR_SIDE.near], ['near-in', router, NEAR_SIDE.router]);
  await layCable(['near-out', router, NEAR_SIDE.routerOut], ['near-out', middle, NEAR_SIDE.middle]);
  await layCable(['far-in', far, FAR_SIDE.far], ['far-in', router, FAR_SIDE.router]);
  await layCable(['far-out', router, FAR_SIDE.routerOut], ['far-out', middle, FAR_SIDE.middle]);
  await run([...inside(router), 'sh', '-c', 'echo 1 >/proc/sys/net/ipv4/ip_forward']);
  await run(['ip', 'route', 'add', '10.77.2.0/24', 'via', NEAR_SIDE.router]);
  await run([...inside(far), 'ip', 'route', 'add', '10.77.3.0/24', 'via', FAR_SIDE.router]);
  await run([...inside(middle), 'ip', 'route', 'add', '10.77.1.0/24', 'via', NEAR_SIDE.routerOut]);
  await run([...inside(middle), 'ip', 'route', 'add', '10.77.4.0/24', 'via', FAR_SIDE.routerOut]);
}

type CableEnd = readonly [device: string, pid: number, address: string];

async function layCable(one: CableEnd, other: CableEnd): Promise<void> {
  const [[device, pid], [peer, peerPid]] = [one, other];
  const place = ['netns', `${pid}`, 'type', 'veth', 'peer', 'name', peer, 'netns', `${peerPid}`];
  await run(['ip', 'link', 'add', device, ...place]);
  for (const [name, where, address] of [one, other]) {
    await run([...inside(where), 'ip', 'address', 'add', `${address}/24`, 'dev', name]);
    await run([...inside(where), 'ip', 'link', 'set', name, 'up']);
  }
}

async function shape(router: number, device: string, setting: PathSetting): Promise<void> {
  const tc = [...inside(router), 'tc', 'qdisc'];
  const bucket = bucketOf(setting);
  if (bucket.length > 0) return run([...tc, 'replace', 'dev', device, 'root', ...bucket]);
  // Without a discipline of its own there is nothing to delete.
  await runToEnd({ name: 'tc', command: [...tc, 'del', 'dev', device, 'root'] });
}

async function droppedBy(router: number): Promise<number> {
  const { output } = await runToEnd({ name: 'tc', command: [...inside(router), 'tc', '-s', 'qdisc', 'show'] });
  return [...output.matchAll(/dropped (\d+)/g)].reduce((sum, [, count]) => sum + Number(count), 0);
}

/** /etc/hosts of a mount namespace, which nobody outside it sees. */
function hostsCommand(plan: NetworkPlan, end: string, address: string): string[] {
  const file = join(plan.folder, `hosts-${end}`);
  writeFileSync(file, `${readFileSync('/etc/hosts', 'utf8')}\n${address} ${plan.hosts.join(' ')}\n`, { mode: 0o644 });
  return ['mount', '--bind', file, '/etc/hosts'];
}

async function run(command: readonly string[]): Promise<void> {
  const { code, output } = await runToEnd({ name: command[0] as string, command });
  if (code !== 0) throw new Error(`${command.join(' ')} failed: ${output}`);
}

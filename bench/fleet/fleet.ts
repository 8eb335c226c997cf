// Fleets of agents, visitors and the notebook behind them, each a process that the benchmark calls.

import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Ground } from '../peers/peer.ts';
import type { AgentsPlan, AgentsState } from './agents.ts';
import type { FleetBastion } from './bastion.ts';
import { Helper } from './calls.ts';
import type { HolderPlan } from './holder.ts';
import { PREFIX } from './names.ts';
import type { VisitorsPlan } from './visitors.ts';

function helper(ground: Ground, name: string): Helper {
  const program = join(import.meta.dirname, `${name}.ts`);
  return new Helper({ program, node: ['--expose-gc'], id: ground.id, folder: ground.folder });
}

export interface HeldServer {
  readonly process: Helper;
  /** 0 for a unix socket. */
  readonly port: number;
}

/** A server that only holds connections; see `holder.ts`. */
export async function holder(ground: Ground, kind: HolderPlan['kind']): Promise<HeldServer> {
  const process = helper(ground, 'holder');
  const { certificateFile, keyFile, upstreamSocket } = ground;
  // One that was killed leaves it behind.
  if (kind === 'notebook') rmSync(upstreamSocket, { force: true });
  const plan: HolderPlan = kind === 'notebook' ? { kind, path: upstreamSocket } : { kind, certificateFile, keyFile };
  return { process, port: await process.call<number>('listen', plan) };
}

export class Agents {
  readonly process: Helper;
  readonly #plan: Omit<AgentsPlan, 'from' | 'count'>;
  #next: number;

  /** Agents that share a process; the first of them has the number `from`. */
  constructor(ground: Ground, bastion: FleetBastion, from = 0) {
    this.process = helper(ground, 'agents');
    const { origin, tokens } = bastion;
    this.#plan = { bastion: origin, caFile: ground.caFile, tokens, upstreamSocket: ground.upstreamSocket };
    this.#next = from;
  }

  /** Resolves when so many more have registered. */
  async add(count: number): Promise<void> {
    const from = this.#next;
    this.#next += count;
    await this.process.call('start', { ...this.#plan, from, count } satisfies AgentsPlan);
  }

  state(): Promise<AgentsState> {
    return this.process.call('state');
  }
}

export class Visitors {
  readonly process: Helper;
  readonly #ground: Ground;

  constructor(ground: Ground) {
    this.process = helper(ground, 'visitors');
    this.#ground = ground;
  }

  /** Resolves when so many more connections stand; throws when one is refused or lost. */
  async add(count: number, to: { port: number; names: number; webSocket: boolean }): Promise<void> {
    const { domain, caFile } = this.#ground;
    const hosts = Array.from({ length: to.names }, (_, number) => `${PREFIX}-${number}.${domain}`);
    const plan: VisitorsPlan = { port: to.port, caFile, hosts, count, webSocket: to.webSocket };
    await this.process.call('open', plan);
  }

  /** Throws when a connection was lost meanwhile. */
  async check(): Promise<void> {
    const { lost } = await this.process.call<{ lost: number }>('state');
    if (lost > 0) throw new Error(`${lost} connections were lost`);
  }
}

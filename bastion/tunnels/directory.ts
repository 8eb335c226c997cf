// The directory: which tunnel of this process serves a name, answered by one Map lookup.

import { BoundedMap } from '../../shared/bounded-map.ts';
import { systemClock } from '../../shared/mux/clock.ts';
import type { Clock } from '../../shared/mux/clock.ts';
import type { JobView } from './job-status.ts';
import type { LiveTunnel } from './tunnel.ts';
import type { Tunnel } from './tunnel-view.ts';

const REMEMBERED = 10_000;

/** What is left of a tunnel. */
export interface LastWords {
  /** Unix milliseconds. */
  readonly at: number;
  readonly job: JobView | undefined;
  /** Its visitors' TLS ended at the agent. */
  readonly endToEnd: boolean;
}

export interface DirectoryOptions {
  /** Unix milliseconds. */
  readonly now?: () => number;
  readonly clock?: Clock;
  /** For so many milliseconds after its start a bastion expects the agents of the one before it; 0: it expects none. */
  readonly expectMs?: number;
  /** True for a name that is somebody's, connected or not. */
  readonly isAwaited?: (name: string) => boolean;
}

export class Directory {
  readonly #byName = new Map<string, LiveTunnel>();
  readonly #byAgent = new Map<string, LiveTunnel>();
  readonly #all = new Set<LiveTunnel>();
  readonly #lost = new BoundedMap<string, LastWords>(REMEMBERED);
  readonly #byOwner = new Map<string, Set<LiveTunnel>>();
  readonly #replaced = new BoundedMap<string, true>(REMEMBERED);
  readonly #now: () => number;
  readonly #isAwaited: (name: string) => boolean;
  /** Who waits for a name; undefined once nobody is expected any more. */
  #waiting: Map<string, Set<() => void>> | undefined;

  constructor(options: DirectoryOptions = {}) {
    const { now = Date.now, clock = systemClock, expectMs = 0, isAwaited = () => false } = options;
    this.#now = now;
    this.#isAwaited = isAwaited;
    if (expectMs === 0) return;
    this.#waiting = new Map();
    clock.setTimeout(() => this.#expectNobody(), expectMs);
  }

  /** Resolves when the name has a tunnel, or is expected no more; undefined when there is nothing to wait for. */
  expected(name: string): Promise<void> | undefined {
    const waiting = this.#waiting;
    if (waiting === undefined || this.#byName.has(name)) return undefined;
    return new Promise((resolve) => {
      const others = waiting.get(name);
      if (others === undefined) waiting.set(name, new Set([resolve]));
      else others.add(resolve);
    });
  }

  #expectNobody(): void {
    const waiting = this.#waiting ?? new Map<string, Set<() => void>>();
    this.#waiting = undefined;
    for (const name of waiting.keys()) tell(waiting, name);
  }

  find(name: string): Tunnel | undefined {
    return this.#byName.get(name);
  }

  /** Of the last tunnel of this name; undefined if there is one, or none that is remembered. */
  lastWords(name: string): LastWords | undefined {
    return this.#byName.has(name) ? undefined : this.#lost.get(name);
  }

  /** True when an agent of this name was there, or may come: the name is somebody's. */
  isKnown(name: string): boolean {
    return this.#byName.has(name) || this.#lost.get(name) !== undefined || this.#isAwaited(name);
  }

  /** Every tunnel with a link, those that are leaving included. */
  get tunnels(): ReadonlySet<LiveTunnel> {
    return this.#all;
  }

  /** How many tunnels the owner has, and how many of them are leaving. */
  count(owner: string): { serving: number; leaving: number } {
    const tunnels = [...(this.#byOwner.get(owner) ?? [])];
    const leaving = tunnels.filter((tunnel) => tunnel.leaving).length;
    return { serving: tunnels.length - leaving, leaving };
  }

  /** The tunnels that an arrival meets: those of its names, and the one of its own agent. */
  meeting(arrival: { owner: string; instance: string; names: readonly string[] }): Set<LiveTunnel> {
    const met = new Set<LiveTunnel>();
    for (const name of arrival.names) {
      const holder = this.#byName.get(name);
      if (holder !== undefined) met.add(holder);
    }
    const own = this.#byAgent.get(agentKey(arrival));
    return own === undefined ? met : met.add(own);
  }

  /** Enters a tunnel under its names; whoever had them must have been withdrawn before. */
  add(tunnel: LiveTunnel): void {
    this.#all.add(tunnel);
    const others = this.#byOwner.get(tunnel.owner);
    if (others === undefined) this.#byOwner.set(tunnel.owner, new Set([tunnel]));
    else others.add(tunnel);
    this.#byAgent.set(agentKey(tunnel), tunnel);
    for (const name of tunnel.names) {
      this.#byName.set(name, tunnel);
      if (this.#waiting !== undefined) tell(this.#waiting, name);
    }
  }

  /** Frees the tunnel's names; it may go on with its last streams. Idempotent. */
  withdraw(tunnel: LiveTunnel): void {
    if (this.#byAgent.get(agentKey(tunnel)) === tunnel) this.#byAgent.delete(agentKey(tunnel));
    for (const name of tunnel.names) {
      if (this.#byName.get(name) !== tunnel) continue;
      this.#byName.delete(name);
      this.#lost.set(name, { at: this.#now(), job: tunnel.job, endToEnd: tunnel.endToEnd });
    }
  }

  /** Forgets a tunnel whose last link is gone. */
  remove(tunnel: LiveTunnel): void {
    this.withdraw(tunnel);
    this.#all.delete(tunnel);
    const others = this.#byOwner.get(tunnel.owner);
    others?.delete(tunnel);
    if (others?.size === 0) this.#byOwner.delete(tunnel.owner);
  }

  /** Remembers that a newer agent took this one's place. */
  markReplaced(tunnel: LiveTunnel): void {
    this.#replaced.set(tunnel.instance, true);
  }

  wasReplaced(instance: string): boolean {
    return this.#replaced.has(instance);
  }
}

function tell(waiting: Map<string, Set<() => void>>, name: string): void {
  const resolves = waiting.get(name);
  waiting.delete(name);
  for (const resolve of resolves ?? []) resolve();
}

/** Owners hold no space, and an instance is hexadecimal: no two agents share a key. */
function agentKey({ owner, instance }: { owner: string; instance: string }): string {
  return `${owner} ${instance}`;
}

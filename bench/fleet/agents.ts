// Many agents in one process: each supervised, registering and coming back as the program `postern-agent` does.

import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createDial } from '../../agent/dial.ts';
import { createServe } from '../../agent/serve.ts';
import { Supervisor } from '../../agent/supervise.ts';
import { unixUpstream } from '../../agent/upstreams/socket.ts';
import { createBackoff } from '../../shared/backoff.ts';
import { systemClock } from '../../shared/mux/clock.ts';
import { NO_LOG } from '../../shared/program/log.ts';
import { answerCalls } from './calls.ts';
import { PREFIX, tokenOf } from './names.ts';
import { settledMemory } from './memory.ts';

export interface AgentsPlan {
  /** `https://notebooks.localhost:8443`. */
  readonly bastion: string;
  readonly caFile: string;
  readonly tokens: string;
  /** The notebook of all of them. */
  readonly upstreamSocket: string;
  readonly from: number;
  readonly count: number;
}

export interface AgentsState {
  /** When each registered last, or was resumed, in Unix milliseconds; 0 while it is away. */
  readonly upAt: readonly number[];
  /** How often each kind of failure was seen since the last call. */
  readonly failures: Readonly<Record<string, number>>;
}

/** Registrations that the fleet itself has under way at once while it is built up; coming back knows no such limit. */
const AT_ONCE = 64;
const LIMITS = { credit: 256 * 1024, streams: 1000, message: 64 * 1024 };

interface Fellow {
  readonly supervisor: Supervisor;
  /** When it registered last, in Unix milliseconds; 0 while it is away. */
  upAt: number;
  failures: string[];
}

const fleet: Fellow[] = [];

function start(plan: AgentsPlan, number: number, ca: string): Promise<void> {
  const upstream = unixUpstream({ label: 'notebook', path: plan.upstreamSocket });
  const services = new Map([['web', { name: 'web', upstream, phase: () => 'ready' as const }]]);
  const registered = Promise.withResolvers<void>();
  const registration = {
    agent: 'fleet/0',
    instance: randomBytes(16).toString('hex'),
    slot: 0,
    names: [`${PREFIX}-${number}`],
    access: 'public' as const,
    services: [{ name: 'web' }],
    links: [],
    features: [],
    limits: LIMITS,
  };
  const away = (code: string): void => {
    fellow.upAt = 0;
    fellow.failures.push(code);
  };
  const dial = createDial({
    bastion: plan.bastion,
    ca,
    tokenFile: tokenOf(plan.tokens, number),
    zeroMask: true,
    timeoutMs: 15_000,
    registration: () => registration,
    onStream: createServe({ services, connectTimeoutMs: 10_000, clock: systemClock, log: NO_LOG }),
    onInfo: () => {},
    pauses: {
      paused: ({ code }) => away(`paused ${code}`),
      resumed: () => {
        fellow.upAt = Date.now();
      },
    },
  });
  const supervisor = new Supervisor({
    dial,
    backoff: createBackoff({ baseMs: 200, capMs: 30_000, random: Math.random }),
    clock: systemClock,
    random: Math.random,
    events: {
      up: () => {
        fellow.upAt = Date.now();
        registered.resolve();
      },
      failed: ({ code, refused }: { code: string; refused?: boolean }) =>
        away(refused === true ? 'failed connection-refused' : `failed ${code}`),
      lost: ({ code }) => away(`lost ${code}`),
      replaced: () => away('replaced'),
    },
  });
  const fellow: Fellow = { supervisor, upAt: 0, failures: [] };
  fleet.push(fellow);
  supervisor.start();
  return registered.promise;
}

answerCalls({
  start: async (plan: AgentsPlan) => {
    const ca = readFileSync(plan.caFile, 'utf8');
    let next = plan.from;
    const end = plan.from + plan.count;
    const lane = async (): Promise<void> => {
      while (next < end) await start(plan, next++, ca);
    };
    await Promise.all(Array.from({ length: AT_ONCE }, lane));
  },
  state: (): AgentsState => {
    const failures: Record<string, number> = {};
    for (const fellow of fleet) {
      for (const code of fellow.failures) failures[code] = (failures[code] ?? 0) + 1;
      fellow.failures = [];
    }
    return { upAt: fleet.map(({ upAt }) => upAt), failures };
  },
  memory: settledMemory,
});

// Agents in this process that stay registered, as the program does: they dial again, resume, and move to another bastion.

import { randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { createDial } from '../../agent/dial.ts';
import type { SlotDial } from '../../agent/failover.ts';
import { createServe } from '../../agent/serve.ts';
import { Slots } from '../../agent/slots.ts';
import { tcpUpstream } from '../../agent/upstreams/socket.ts';
import { createBackoff } from '../../shared/backoff.ts';
import { PosternError } from '../../shared/errors.ts';
import { systemClock } from '../../shared/mux/clock.ts';
import type { Session } from '../../shared/mux/session.ts';
import { SharedPath } from '../../shared/mux/shared-path.ts';
import { NO_LOG } from '../../shared/program/log.ts';
import { DOMAIN } from './bastion-world.ts';

export interface AgentOptions {
  readonly name: string;
  /** Of the bastion, or of what stands in front of it. */
  readonly port: number;
  readonly ca: string;
  readonly token: string;
  /** The notebook's, on 127.0.0.1. */
  readonly upstreamPort: number;
  /** How many links; without it one. */
  readonly links?: number;
}

export interface SupervisedAgent {
  /** Serving once every link is. */
  readonly supervisor: { readonly state: 'serving' | 'waiting' };
  /** The latest of each slot. */
  readonly sessions: readonly (Session | undefined)[];
  /** What happened, in order: `up SESSION`, `failed CODE`, `lost CODE`, `paused CODE`, `resumed`. */
  readonly events: string[];
  /** Ends it now. */
  close(): void;
}

const LIMITS = { credit: 256 * 1024, streams: 1000, message: 64 * 1024 };

/** Serves everybody; registers in the background. */
export function supervisedAgent(options: AgentOptions): SupervisedAgent {
  const { name, port, ca, token, upstreamPort, links = 1 } = options;
  const folder = mkdtempSync(join(tmpdir(), 'postern-'));
  const tokenFile = join(folder, 'token');
  writeFileSync(tokenFile, token);
  chmodSync(tokenFile, 0o600);
  const events: string[] = [];
  const upstream = tcpUpstream({ label: 'notebook', host: '127.0.0.1', port: upstreamPort, check: undefined });
  const services = new Map([['web', { name: 'web', upstream, phase: () => 'ready' as const }]]);
  const registration = {
    agent: 'test/0',
    instance: randomBytes(16).toString('hex'),
    names: [name],
    access: 'public' as const,
    services: [{ name: 'web' }],
    links: [],
    features: [],
    limits: LIMITS,
  };
  const sessions: Session[] = [];
  const path = new SharedPath();
  const dial: SlotDial = (slot) =>
    createDial({
      path,
      bastion: `https://${DOMAIN}:${port}`,
      ca,
      tokenFile,
      zeroMask: true,
      timeoutMs: 10_000,
      registration: () => ({ ...registration, slot }),
      onStream: createServe({ services, connectTimeoutMs: 10_000, clock: systemClock, log: NO_LOG }),
      onInfo: () => {},
      pauses: { paused: (error) => events.push(`paused ${error.code}`), resumed: () => events.push('resumed') },
    });
  const slots = new Slots({
    count: links,
    dial,
    backoff: () => createBackoff({ baseMs: 200, capMs: 30_000, random: Math.random }),
    clock: systemClock,
    random: Math.random,
    events: {
      up: (slot, { acceptance, session }) => {
        sessions[slot] = session as Session;
        events.push(`up ${acceptance.session}`);
      },
      failed: (_slot, error) => events.push(`failed ${error.code}`),
      lost: (_slot, error) => events.push(`lost ${error.code}`),
      replaced: () => events.push('replaced'),
    },
  });
  slots.start();
  const supervisor = {
    get state() {
      return slots.serving === links ? ('serving' as const) : ('waiting' as const);
    },
  };
  const close = (): void => {
    slots.destroy(new PosternError('session-closed'));
    rmSync(folder, { recursive: true, force: true });
  };
  return { supervisor, sessions, events, close };
}

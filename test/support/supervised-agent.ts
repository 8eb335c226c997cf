// Agents in this process that stay registered, as the program does: they dial again, resume, and move to another bastion.

import { randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { createDial } from '../../agent/dial.ts';
import { createServe } from '../../agent/serve.ts';
import { Supervisor } from '../../agent/supervise.ts';
import { tcpUpstream } from '../../agent/upstreams/socket.ts';
import { createBackoff } from '../../shared/backoff.ts';
import { PosternError } from '../../shared/errors.ts';
import { systemClock } from '../../shared/mux/clock.ts';
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
}

export interface SupervisedAgent {
  readonly supervisor: Supervisor;
  /** What happened, in order: `up SESSION`, `failed CODE`, `lost CODE`, `paused CODE`, `resumed`. */
  readonly events: string[];
  /** Ends it now. */
  close(): void;
}

const LIMITS = { credit: 256 * 1024, streams: 1000, message: 64 * 1024 };

/** Serves everybody; registers in the background. */
export function supervisedAgent({ name, port, ca, token, upstreamPort }: AgentOptions): SupervisedAgent {
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
    slot: 0,
    names: [name],
    access: 'public' as const,
    services: [{ name: 'web' }],
    links: [],
    features: [],
    limits: LIMITS,
  };
  const supervisor = new Supervisor({
    dial: createDial({
      bastion: `https://${DOMAIN}:${port}`,
      ca,
      tokenFile,
      zeroMask: true,
      timeoutMs: 10_000,
      registration: () => registration,
      onStream: createServe({ services, connectTimeoutMs: 10_000, clock: systemClock, log: NO_LOG }),
      onInfo: () => {},
      pauses: { paused: (error) => events.push(`paused ${error.code}`), resumed: () => events.push('resumed') },
    }),
    backoff: createBackoff({ baseMs: 200, capMs: 30_000, random: Math.random }),
    clock: systemClock,
    random: Math.random,
    events: {
      up: ({ acceptance }) => events.push(`up ${acceptance.session}`),
      failed: (error) => events.push(`failed ${error.code}`),
      lost: (error) => events.push(`lost ${error.code}`),
      replaced: () => events.push('replaced'),
    },
  });
  supervisor.start();
  const close = (): void => {
    supervisor.destroy(new PosternError('session-closed'));
    rmSync(folder, { recursive: true, force: true });
  };
  return { supervisor, events, close };
}

// A bastion, an agent whose connection runs through a relay that can be cut, and a notebook behind it; all in this process.

import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import type { Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

import { createDial } from '../../agent/dial.ts';
import { createServe } from '../../agent/serve.ts';
import type { Registered } from '../../agent/supervise.ts';
import { tcpUpstream } from '../../agent/upstreams/socket.ts';
import type { BastionConfig } from '../../bastion/config.ts';
import { PosternError } from '../../shared/errors.ts';
import { systemClock } from '../../shared/mux/clock.ts';
import { NO_LOG } from '../../shared/program/log.ts';
import { bastionWorld, DOMAIN, type BastionWorld } from './bastion-world.ts';
import { CutRelay } from './cut-relay.ts';

export interface ResumingWorld extends BastionWorld {
  readonly relay: CutRelay;
  readonly registered: Registered;
  /** Of the agent: `paused CODE` and `resumed`, in order. */
  readonly pauses: string[];
}

/** The notebook is served to everybody; everything ends with the test. */
export async function resumingWorld(
  t: TestContext,
  notebook: Server,
  change: Partial<BastionConfig> = {},
): Promise<ResumingWorld> {
  const world = await bastionWorld(t, change);
  notebook.listen(0, '127.0.0.1');
  await once(notebook, 'listening');
  const relay = await CutRelay.to(world.bastion.port);
  const folder = mkdtempSync(join(tmpdir(), 'postern-'));
  const tokenFile = join(folder, 'token');
  writeFileSync(tokenFile, await world.token());
  chmodSync(tokenFile, 0o600);
  const pauses: string[] = [];
  const registered = await agentThrough({ world, relay, tokenFile, pauses }, (notebook.address() as AddressInfo).port);
  t.after(() => {
    registered.session.destroy(new PosternError('session-closed'));
    relay.close();
    notebook.close();
    notebook.closeAllConnections();
    rmSync(folder, { recursive: true });
  });
  return { ...world, relay, registered, pauses };
}

interface Way {
  readonly world: BastionWorld;
  readonly relay: CutRelay;
  readonly tokenFile: string;
  readonly pauses: string[];
}

function agentThrough({ world, relay, tokenFile, pauses }: Way, port: number): Promise<Registered> {
  const upstream = tcpUpstream({ label: 'notebook', host: '127.0.0.1', port, check: undefined });
  const services = new Map([['web', { name: 'web', upstream, phase: () => 'ready' as const }]]);
  const dial = createDial({
    bastion: `https://${DOMAIN}:${relay.port}`,
    ca: world.ca,
    tokenFile,
    zeroMask: true,
    timeoutMs: 10_000,
    registration: () => ({
      agent: 'test/0',
      instance: randomBytes(16).toString('hex'),
      slot: 0,
      names: ['demo'],
      access: 'public',
      services: [{ name: 'web' }],
      links: [],
      features: [],
      limits: { credit: 256 * 1024, streams: 100, message: 64 * 1024 },
    }),
    onStream: createServe({ services, connectTimeoutMs: 10_000, clock: systemClock, log: NO_LOG }),
    onInfo: () => {},
    pauses: { paused: (error) => pauses.push(`paused ${error.code}`), resumed: () => pauses.push('resumed') },
  });
  return dial(new AbortController().signal, () => {});
}

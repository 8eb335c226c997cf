// The fleet's bastion: the program `postern-bastion` with the probe loaded, on a port and with a credential of its own.

import { mkdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createToken, loadTokenKey } from '../../bastion/auth/token.ts';
import { freePort } from '../../contrib/demo/programs.ts';
import type { Ground } from '../peers/peer.ts';
import { Helper } from './calls.ts';
import { AGENTS_OF_AN_OWNER, PREFIX, tokenOf } from './names.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const PROBE = join(import.meta.dirname, 'probe.ts');
const READY_MS = 20_000;
const LOOK_MS = 10;
const DAY_MS = 86_400_000;

export interface FleetBastion {
  readonly port: number;
  /** `https://notebooks.localhost:8443`. */
  readonly origin: string;
  /** Holds a file with a credential for each owner; `tokenOf` names it. */
  readonly tokens: string;
  /** Starts it, and again once it has ended; resolves when it accepts connections. More options of `serve` for this time. */
  start(options?: readonly string[]): Promise<Helper>;
}

/** Makes state and credentials for so many agents. */
export async function prepareBastion(ground: Ground, name: string, agents: number): Promise<FleetBastion> {
  const folder = join(ground.folder, name);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const port = await freePort(0);
  await makeTokens(folder, agents);
  const place = ['--domain', ground.domain, '--listen', `127.0.0.1:${port}`, '--state', join(folder, 'state')];
  const tls = ['--tls-cert', ground.certificateFile, '--tls-key', ground.keyFile];
  const start = async (options: readonly string[] = []): Promise<Helper> => {
    const helper = new Helper({
      program: join(ROOT, 'bastion', 'main.ts'),
      args: ['serve', ...place, ...tls, '--log-level', 'warn', ...options],
      node: ['--expose-gc', '--import', PROBE],
      id: ground.id,
      folder,
    });
    await accepts(port, helper);
    return helper;
  };
  return { port, origin: `https://${ground.domain}:${port}`, tokens: folder, start };
}

async function makeTokens(folder: string, agents: number): Promise<void> {
  const key = loadTokenKey(join(folder, 'state'));
  for (let number = 0; number < agents; number += AGENTS_OF_AN_OWNER) {
    const owner = { owner: `owner-${number}`, names: [`${PREFIX}-*`], use: 'agent', ttlMs: DAY_MS } as const;
    writeFileSync(tokenOf(folder, number), await createToken(key, owner), { mode: 0o600 });
  }
}

async function accepts(port: number, helper: Helper): Promise<void> {
  const deadline = Date.now() + READY_MS;
  while (!(await connects(port))) {
    if (Date.now() > deadline) throw new Error(`the bastion does not accept connections:\n${helper.lastWords}`);
    await delay(LOOK_MS);
  }
}

function connects(port: number): Promise<boolean> {
  return new Promise((done) => {
    const socket = connect({ host: '127.0.0.1', port });
    socket.once('connect', () => {
      socket.destroy();
      done(true);
    });
    socket.once('error', () => done(false));
  });
}

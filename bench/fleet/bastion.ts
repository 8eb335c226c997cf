// The fleet's bastion: the program `postern-bastion` with the probe loaded, on a port and with a credential of its own.

import { mkdirSync } from 'node:fs';
import { connect } from 'node:net';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createToken, freePort, sourcePrograms } from '../../contrib/demo/programs.ts';
import type { Ground } from '../peers/peer.ts';
import { Helper } from './calls.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const PROBE = join(import.meta.dirname, 'probe.ts');
const READY_MS = 20_000;
const LOOK_MS = 10;
/** Agents of the fleet are called `fleet-0`, `fleet-1` and so on. */
export const PREFIX = 'fleet';

export interface FleetBastion {
  readonly port: number;
  /** `https://notebooks.localhost:8443`. */
  readonly origin: string;
  readonly tokenFile: string;
  /** Starts it, and again once it has ended; resolves when it accepts connections. */
  start(): Promise<Helper>;
}

/** Makes state and credential; `extra` are more options of `serve`. */
export async function prepareBastion(ground: Ground, name: string, extra: readonly string[]): Promise<FleetBastion> {
  const folder = join(ground.folder, name);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const port = await freePort(0);
  const run = { programs: sourcePrograms(), id: ground.id, folder, domain: ground.domain };
  const tokenFile = await createToken(run, 'fleet', `${PREFIX}-*`);
  const place = ['--domain', ground.domain, '--listen', `127.0.0.1:${port}`, '--state', join(folder, 'state')];
  const tls = ['--tls-cert', ground.certificateFile, '--tls-key', ground.keyFile];
  const start = async (): Promise<Helper> => {
    const helper = new Helper({
      program: join(ROOT, 'bastion', 'main.ts'),
      args: ['serve', ...place, ...tls, '--log-level', 'warn', '--names-per-owner', '100000', ...extra],
      node: ['--expose-gc', '--import', PROBE],
      id: ground.id,
      folder,
    });
    await accepts(port, helper);
    return helper;
  };
  return { port, origin: `https://${ground.domain}:${port}`, tokenFile, start };
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

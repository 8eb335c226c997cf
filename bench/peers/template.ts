// Fills the committed configuration files of the peers with a run's ports and paths, and starts nginx with one.

import { readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { Child, childEnvironment, runToEnd } from '../../contrib/demo/child.ts';
import { MARKER } from '../../contrib/demo/leftovers.ts';
import type { Ground } from './peer.ts';

const READY_MS = 10_000;

/** Writes `template` (a file beside this one) into the folder with every @KEY@ replaced; throws on a key without value. */
export function fill(template: string, target: string, values: Readonly<Record<string, string | number>>): string {
  const text = readFileSync(join(import.meta.dirname, template), 'utf8');
  const filled = text.replaceAll(/@([A-Z_]+)@/g, (_, key: string) => {
    const value = values[key];
    if (value === undefined) throw new Error(`${template}: no value for @${key}@`);
    return String(value);
  });
  writeFileSync(target, filled, { mode: 0o600 });
  return target;
}

/** Starts a program of this run and waits until it accepts on the port. */
export async function startOnPort(
  ground: Ground,
  name: string,
  command: readonly string[],
  port: number,
): Promise<Child> {
  const child = new Child({ name, command, env: childEnvironment({ [MARKER]: ground.id }) });
  const ended = child.exited.then(() => {
    throw new Error(`${name} ended; it said last:\n${child.lastWords}`);
  });
  await Promise.race([accepts(port, Date.now() + READY_MS), ended]);
  return child;
}

export interface NginxInstance {
  /** Configuration file beside this one. */
  readonly template: string;
  /** Tells instances with the same template apart. */
  readonly name: string;
  readonly port: number;
  readonly values: Readonly<Record<string, string | number>>;
}

/** Starts nginx in the foreground with one of our configurations. */
export function startNginx(ground: Ground, { template, name, port, values }: NginxInstance): Promise<Child> {
  const file = fill(template, join(ground.folder, `${name}.conf`), {
    PORT: port,
    FOLDER: ground.folder,
    NAME: name,
    HOST: ground.host,
    CERTIFICATE: ground.certificateFile,
    KEY: ground.keyFile,
    // nginx started by root would else change to an account that cannot read the folder.
    USER: process.getuid?.() === 0 ? 'user root;' : '',
    ...values,
  });
  return startOnPort(ground, name, ['nginx', '-p', ground.folder, '-c', file, '-e', 'stderr'], port);
}

/** The first line that a program prints about its version. */
export async function versionOf(command: readonly string[]): Promise<string> {
  const { output } = await runToEnd({ name: command[0] as string, command });
  return output.split('\n')[0] ?? '';
}

async function accepts(port: number, deadline: number): Promise<void> {
  while (!(await connects(port))) {
    if (Date.now() > deadline) throw new Error(`nothing accepts on 127.0.0.1:${port}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function connects(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

// A bastion, and a whole agent in this process whose visitors' TLS ends with it, behind a relay that can be cut.

import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { Server as HttpServer } from 'node:http';
import type { AddressInfo, Server } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls';

import { startAgent, type Running } from '../../agent/agent.ts';
import { AGENT_PROGRAM } from '../../agent/options.ts';
import type { BastionConfig } from '../../bastion/config.ts';
import { NO_LOG, type Log } from '../../shared/program/log.ts';
import { lookup } from '../../shared/net/resolve.ts';
import { parseOptions } from '../../shared/program/options.ts';
import { bastionWorld, DOMAIN, type BastionWorld } from './bastion-world.ts';
import { CutRelay } from './cut-relay.ts';

export interface EndToEndWorld extends BastionWorld {
  readonly relay: CutRelay;
  readonly running: Running;
  /** Where the test's files are. */
  readonly folder: string;
  /** A visitor of `demo`, or of another host, who trusts the bastion's CA; allowHalfOpen. Rejects when TLS fails. */
  connect(host?: string, more?: ConnectionOptions): Promise<TLSSocket>;
}

export interface EndToEndOptions {
  /** What the agent serves; it listens by the time this resolves. */
  readonly notebook: Server;
  /** Of the agent, besides `--tls end-to-end`. */
  readonly args: readonly string[] | ((folder: string) => readonly string[]);
  readonly config?: Partial<BastionConfig>;
  readonly log?: Log;
}

/** Ended with the test. */
export async function endToEndWorld(t: TestContext, options: EndToEndOptions): Promise<EndToEndWorld> {
  const { notebook, args, config = {}, log = NO_LOG } = options;
  const world = await bastionWorld(t, config, log);
  notebook.listen(0, '127.0.0.1');
  await once(notebook, 'listening');
  const relay = await CutRelay.to(world.bastion.port);
  const folder = mkdtempSync(join(tmpdir(), 'postern-'));
  t.after(() => {
    relay.close();
    notebook.close();
    if ('closeAllConnections' in notebook) (notebook as HttpServer).closeAllConnections();
    rmSync(folder, { recursive: true });
  });
  const file = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text);
    chmodSync(join(folder, name), 0o600);
    return join(folder, name);
  };
  const argv = [
    'attach',
    ...['--bastion', `https://${DOMAIN}:${relay.port}`, '--name', 'demo', '--job', 'none', '--tls', 'end-to-end'],
    ...['--token-file', file('token', await world.token()), '--ca', file('ca.pem', world.ca)],
    ...['--to', `http://127.0.0.1:${(notebook.address() as AddressInfo).port}`],
    ...(typeof args === 'function' ? args(folder) : args),
  ];
  const command = parseOptions(AGENT_PROGRAM, { argv, env: {}, readFile: () => '' });
  assert.ok(command.command === 'attach');
  const uid = process.getuid?.() ?? 0;
  const output = { write: () => true };
  const agent = await startAgent(command, { env: {}, uid, terminal: undefined, output, log });
  t.after(async () => {
    agent.kill();
    await agent.done;
  });
  const dial = (host = `demo.${DOMAIN}`, more: ConnectionOptions = {}): Promise<TLSSocket> =>
    visitor({ host, port: world.bastion.port, servername: host, ca: world.ca, ...more });
  return { ...world, relay, running: agent, folder, connect: dial };
}

/** Resolves once visitors of the host get to the agent, with the connection that did. */
export async function reachable(world: EndToEndWorld, host?: string, more?: ConnectionOptions): Promise<TLSSocket> {
  let reached: TLSSocket | undefined;
  let problem = '';
  for (const end = performance.now() + 10_000; reached === undefined;) {
    if (performance.now() > end) throw new Error(`nobody gets in: ${problem}`);
    const socket = await world.connect(host, more).catch((error: Error) => void (problem = error.message));
    // Before the agent has registered, it is the bastion that answers.
    if (socket !== undefined && !(socket.getPeerCertificate().subjectaltname ?? '*').includes('*')) reached = socket;
    else {
      socket?.destroy();
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
  return reached;
}

function visitor(options: ConnectionOptions): Promise<TLSSocket> {
  // Node knows allowHalfOpen here; its types don't.
  const all: ConnectionOptions & { allowHalfOpen: boolean } = { lookup, allowHalfOpen: true, ...options };
  return new Promise((resolve, reject) => {
    const socket = connect(all, () => resolve(socket));
    socket.on('error', reject);
  });
}

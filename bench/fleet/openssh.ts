// What the same costs with `ssh -R`: idle connections of agents, and idle streams through one of them.

import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from '../../contrib/demo/programs.ts';
import { startClient, startServer } from '../peers/openssh.ts';
import type { Ground } from '../peers/peer.ts';
import { withDescendants } from '../process-tree.ts';
import type { Figures } from '../suite.ts';
import { holder } from './fleet.ts';

const SETTLE_MS = 500;
type Both = Readonly<Record<'sshd' | 'ssh', Figures>>;

/** Bytes in memory of processes and what they started, pages that several of them use counted in parts. */
function memoryOf(roots: readonly number[]): number {
  let sum = 0;
  for (const pid of withDescendants(roots)) {
    try {
      const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
      sum += Number(/^Pss:\s+([0-9]+) kB$/m.exec(rollup)?.[1] ?? 0) * 1024;
    } catch {
      // It ended meanwhile.
    }
  }
  return sum;
}

function figuresOf(before: number, after: number, count: number): Figures {
  const resident = (after - before) / count / 1000;
  return { resident, total: after / 1e6 };
}

/** So many clients, each with a process of its own at both ends. */
export async function sshConnections(ground: Ground, count: number): Promise<Both> {
  const notebook = await holder(ground, 'notebook');
  const { server, port } = await startServer(ground);
  const one = await startClient(ground, port, await freePort(0));
  await delay(SETTLE_MS);
  const before = { sshd: memoryOf([server.pid]), ssh: memoryOf([one.pid]) };
  const clients = [one];
  for (let index = 0; index < count; index += 1) clients.push(await startClient(ground, port, await freePort(0)));
  await delay(SETTLE_MS);
  const after = { sshd: memoryOf([server.pid]), ssh: memoryOf(clients.map(({ pid }) => pid)) };
  await Promise.all([...clients, server].map((child) => child.stop()));
  await notebook.process.stop();
  return { sshd: figuresOf(before.sshd, after.sshd, count), ssh: figuresOf(before.ssh, after.ssh, count) };
}

/** So many idle connections of visitors through one client, without TLS: that would be a server's in front of sshd. */
export async function sshStreams(ground: Ground, count: number): Promise<Both> {
  const notebook = await holder(ground, 'notebook');
  const { server, port } = await startServer(ground);
  const forwarded = await freePort(0);
  const client = await startClient(ground, port, forwarded);
  await delay(SETTLE_MS);
  const before = { sshd: memoryOf([server.pid]), ssh: memoryOf([client.pid]) };
  const sockets: Socket[] = [];
  for (let index = 0; index < count; index += 1) {
    const socket = connect({ host: '127.0.0.1', port: forwarded }).on('error', () => undefined);
    await once(socket, 'connect');
    sockets.push(socket);
  }
  await delay(SETTLE_MS);
  const after = { sshd: memoryOf([server.pid]), ssh: memoryOf([client.pid]) };
  const lost = sockets.filter((socket) => socket.destroyed).length;
  for (const socket of sockets) socket.destroy();
  await Promise.all([client.stop(), server.stop(), notebook.process.stop()]);
  if (lost > 0) throw new Error(`ssh lost ${lost} of ${count} streams`);
  const found = { sshd: figuresOf(before.sshd, after.sshd, count), ssh: figuresOf(before.ssh, after.ssh, count) };
  return {
    sshd: { ...found.sshd, beyond: found.sshd['resident'] ?? 0 },
    ssh: { ...found.ssh, beyond: found.ssh['resident'] ?? 0 },
  };
}

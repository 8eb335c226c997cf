// A program that is busy for a moment loses nobody of a crowd that comes meanwhile: the kernel holds them until it accepts.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';

import { eventually } from '../support/bastion-world.ts';

const CROWD = 1000;
/** Who is left out stays so, since nobody is accepted meanwhile. */
const PATIENCE_MS = 8000;

const LISTEN = new URL('../../shared/net/listen.ts', import.meta.url).href;
/** Listens, then does nothing else, its event loop included, until it is told. */
const BUSY = `
  import { createServer } from 'node:net';
  import { parentPort, workerData } from 'node:worker_threads';
  const { listenOn } = await import(${JSON.stringify(LISTEN)});
  const server = createServer((socket) => socket.on('error', () => {}));
  parentPort.postMessage(await listenOn(server, { host: '127.0.0.1', port: 0 }));
  Atomics.wait(new Int32Array(workerData), 0, 0);
`;

function longestQueue(): number {
  try {
    return Number(readFileSync('/proc/sys/net/core/somaxconn', 'utf8'));
  } catch {
    return 0;
  }
}

test(
  `${CROWD} connections stand before the first is accepted`,
  { skip: longestQueue() < CROWD ? 'net.core.somaxconn is lower, or not known' : false },
  async (t) => {
    const busy = new SharedArrayBuffer(4);
    const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(BUSY)}`), { workerData: busy });
    const sockets: Socket[] = [];
    t.after(async () => {
      Atomics.store(new Int32Array(busy), 0, 1);
      Atomics.notify(new Int32Array(busy), 0);
      for (const socket of sockets) socket.destroy();
      await worker.terminate();
    });
    const [port] = (await once(worker, 'message')) as [number];
    let standing = 0;
    for (let count = 0; count < CROWD; count++)
      sockets.push(connect({ host: '127.0.0.1', port }, () => (standing += 1)).on('error', () => {}));
    await eventually(() => standing === CROWD, 'all connections stand', PATIENCE_MS).catch(() => {});
    assert.equal(standing, CROWD);
  },
);

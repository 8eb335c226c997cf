// Bad company as a process: visitors who ask for endless answers and read nothing, or who fill notebooks that read nothing.

import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Dialer, originOf, requestHead } from './approach.ts';
import type { HttpsApproach } from './approach.ts';
import { tell } from './control.ts';
import { PATHS } from './far.ts';
import type { Count, FarOrder } from './far.ts';

export interface BadPlan {
  readonly approach: HttpsApproach;
  readonly farControl: string;
  /** Who of the two it is that reads nothing. */
  readonly kind: 'visitor' | 'notebook';
  readonly connections: number;
}

/** Said once nothing moves any more. */
export const STANDING = 'standing still';
/** Handshakes at a time: all at once would only measure how a queue of them is refused. */
const AT_ONCE = 20;
const LOOK_MS = 100;
const QUIET_LOOKS = 5;
/** It takes long to fill what the kernels and both ends hold for hundreds of connections. */
const PATIENCE_MS = 60_000;
const ENDLESS = 1e14;
const PIECE = Buffer.alloc(64 * 1024, 'nobody reads this ');

function fail(what: string): never {
  process.stderr.write(`${what}\n`);
  process.exit(1);
}

function misbehave(socket: Socket, { approach, kind }: BadPlan): void {
  socket.on('error', (error) => fail(error.message));
  socket.on('close', () => fail('a connection was closed'));
  if (kind === 'visitor') {
    socket.pause();
    socket.write(requestHead(approach, 'GET', PATHS.unread));
    return;
  }
  socket.on('data', (chunk: Buffer) => fail(`answered: ${chunk.toString('latin1', 0, 200)}`));
  socket.write(requestHead(approach, 'POST', PATHS.deaf, [`Content-Length: ${ENDLESS}`, ...originOf(approach)]));
  const write = (): void => {
    while (!socket.destroyed && socket.write(PIECE));
  };
  socket.on('drain', write);
  write();
}

if (import.meta.main) {
  const plan = JSON.parse(process.argv[2] as string) as BadPlan;
  const dialer = new Dialer(plan.approach, plan.farControl);
  const sockets: Socket[] = [];
  while (sockets.length < plan.connections) {
    const some = await dialer.dial(Math.min(AT_ONCE, plan.connections - sockets.length), 'send');
    for (const socket of some) misbehave(socket, plan);
    sockets.push(...some);
  }
  const order: FarOrder = { op: 'count' };
  // What nobody reads shows where it comes from: the notebook's side, or ours.
  const moved = async (): Promise<number> => {
    const { unread } = await tell<Count>(plan.farControl, order);
    return sockets.reduce((sum, socket) => sum + socket.bytesWritten, unread);
  };
  const end = performance.now() + PATIENCE_MS;
  let before = -1;
  for (let quiet = 0; quiet < QUIET_LOOKS;) {
    if (performance.now() > end) fail('what nobody reads went on moving');
    await sleep(LOOK_MS);
    const now = await moved();
    quiet = now === before ? quiet + 1 : 0;
    before = now;
  }
  process.stdout.write(`${STANDING}\n`);
  // A socket that reads nothing keeps no process alive.
  setInterval(() => undefined, PATIENCE_MS);
}

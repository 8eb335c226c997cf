// A bulk load as a process: downloads or uploads over some connections, counted where the bytes arrive.

import { setTimeout as sleep } from 'node:timers/promises';
import type { Socket } from 'node:net';
import { Dialer, originOf, requestHead, responseHead } from './approach.ts';
import type { Approach } from './approach.ts';
import { tell } from './control.ts';
import { PATHS } from './far.ts';
import type { Count, FarOrder } from './far.ts';

export interface LoadPlan {
  readonly approach: Approach;
  readonly farControl: string;
  readonly direction: 'down' | 'up';
  readonly streams: number;
  /** Milliseconds of load that are not counted. */
  readonly warmMs: number;
  readonly measureMs: number;
}

export interface LoadFindings {
  /** Bytes that arrived while it was measured, and for how long that was. */
  readonly bytes: number;
  readonly ms: number;
  /** Milliseconds from the first request to the first 4 MB that arrived, in downloads. */
  readonly first: number | undefined;
}

/** Said when the warm-up is over; the findings follow at the end. */
export const MEASURING = 'measuring';
const PIECE = Buffer.alloc(64 * 1024, 'upload! ');
const ENDLESS = 1e14;
const FIRST_BYTES = 4e6;

let arrived = 0;
let begun = 0;
let first: number | undefined;
let ending = false;

function fail(what: string): void {
  if (ending) return;
  process.stderr.write(`${what}\n`);
  process.exit(1);
}

function arrive(bytes: number): void {
  arrived += bytes;
  if (first === undefined && arrived >= FIRST_BYTES) first = performance.now() - begun;
}

async function download(socket: Socket, approach: Approach): Promise<void> {
  if (approach.kind === 'https') {
    socket.write(requestHead(approach, 'GET', PATHS.bulk));
    arrive((await responseHead(socket, 200)).rest.length);
  }
  socket.on('data', (chunk: Buffer) => arrive(chunk.length));
  socket.resume();
}

function upload(socket: Socket, approach: Approach): void {
  // Whatever is answered while the body is on its way is a refusal.
  socket.on('data', (chunk: Buffer) => fail(`an upload was answered: ${chunk.toString('latin1', 0, 200)}`));
  socket.write(requestHead(approach, 'POST', PATHS.sink, [`Content-Length: ${ENDLESS}`, ...originOf(approach)]));
  const write = (): void => {
    while (!socket.destroyed && socket.write(PIECE));
  };
  socket.on('drain', write);
  write();
  socket.resume();
}

async function count(plan: LoadPlan): Promise<Pick<Count, 'taken' | 'at'>> {
  if (plan.direction === 'down') return { taken: arrived, at: performance.now() };
  return tell<Count>(plan.farControl, { op: 'count' } satisfies FarOrder);
}

async function run(plan: LoadPlan): Promise<LoadFindings> {
  const { approach, direction, streams } = plan;
  const dialer = new Dialer(approach, plan.farControl);
  begun = performance.now();
  const sockets = await dialer.dial(streams, direction === 'down' ? 'send' : 'take');
  for (const socket of sockets) {
    socket.on('error', (error) => fail(error.message));
    socket.on('close', () => fail('a connection closed early'));
    if (direction === 'up') upload(socket, approach);
    else void download(socket, approach).catch((error: Error) => fail(error.message));
  }
  await sleep(plan.warmMs);
  const before = await count(plan);
  process.stdout.write(`${MEASURING}\n`);
  await sleep(plan.measureMs);
  const after = await count(plan);
  ending = true;
  for (const socket of sockets) socket.destroy();
  dialer.close();
  return { bytes: after.taken - before.taken, ms: after.at - before.at, first };
}

if (import.meta.main) {
  const found = await run(JSON.parse(process.argv[2] as string) as LoadPlan);
  process.stdout.write(`RESULT ${JSON.stringify(found)}\n`);
  process.exit(0);
}

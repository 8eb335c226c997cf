// A person at work, as a process: small requests or WebSocket messages on connections that stay, each timed.

import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Dialer, originOf, requestHead, responseHead } from './approach.ts';
import type { Approach } from './approach.ts';
import { PATHS } from './far.ts';

export interface AskPlan {
  readonly approach: Approach;
  readonly farControl: string;
  readonly kind: 'requests' | 'messages';
  readonly connections: number;
  /** Milliseconds between one answer and the next question, on each connection. */
  readonly everyMs: number;
  readonly forMs: number;
}

export interface AskFindings {
  /** Milliseconds of each, in order. */
  readonly latencies: readonly number[];
}

const WARM_UP = 5;
const MESSAGE_BYTES = 100;

type Ask = () => Promise<void>;

async function open(socket: Socket, plan: AskPlan): Promise<Ask> {
  const { approach, kind } = plan;
  if (kind === 'requests' && approach.kind === 'https') {
    const request = requestHead(approach, 'GET', PATHS.small);
    return async () => {
      socket.write(request);
      const { head, rest } = await responseHead(socket.resume(), 200);
      const length = Number(/^content-length: (\d+)$/im.exec(head)?.[1]);
      if (!Number.isInteger(length)) throw new Error(`an answer without length: ${head}`);
      await took(socket, length - rest.length);
    };
  }
  if (approach.kind === 'https') {
    const key = randomBytes(16).toString('base64');
    const more = [
      'Upgrade: websocket',
      'Connection: Upgrade',
      'Sec-WebSocket-Version: 13',
      `Sec-WebSocket-Key: ${key}`,
    ];
    socket.write(requestHead(approach, 'GET', PATHS.echo, [...more, ...originOf(approach)]));
    await responseHead(socket, 101);
  }
  const message = randomBytes(MESSAGE_BYTES);
  return async () => {
    socket.write(message);
    await took(socket, MESSAGE_BYTES);
  };
}

async function took(socket: Socket, bytes: number): Promise<void> {
  socket.resume();
  for (let left = bytes; left > 0;) left -= ((await once(socket, 'data')) as [Buffer])[0].length;
}

async function run(plan: AskPlan): Promise<AskFindings> {
  const dialer = new Dialer(plan.approach, plan.farControl);
  const sockets = await dialer.dial(plan.connections, 'echo');
  const latencies: number[] = [];
  const person = async (socket: Socket): Promise<void> => {
    const ask = await open(socket, plan);
    for (let index = 0; index < WARM_UP; index += 1) await ask();
    const end = performance.now() + plan.forMs;
    while (performance.now() < end) {
      // Each at its own pace: in step, they would queue behind each other.
      await sleep(plan.everyMs * (0.5 + Math.random()));
      const asked = performance.now();
      await ask();
      latencies.push(performance.now() - asked);
    }
  };
  await Promise.all(sockets.map(person));
  for (const socket of sockets) socket.destroy();
  dialer.close();
  return { latencies };
}

if (import.meta.main) {
  const found = await run(JSON.parse(process.argv[2] as string) as AskPlan);
  process.stdout.write(`RESULT ${JSON.stringify(found)}\n`);
  process.exit(0);
}

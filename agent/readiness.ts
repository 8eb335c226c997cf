// Waits for an upstream's first answer: a connection, or, from a Jupyter, any HTTP response at all.

import { request } from 'node:http';
import type { Duplex } from 'node:stream';

import type { Clock } from '../shared/mux/clock.ts';
import type { Upstream } from './upstreams/upstream.ts';

/** connect: it accepts a connection. http: it answers `GET /api`, which a Jupyter does without asking who it is. */
export type Probe = 'connect' | 'http';

const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 1000;
/** How long one attempt may take. */
const ATTEMPT_MS = 5000;

/** Resolves with the first answer; rejects with the signal's reason. Attempts are at most a second apart. */
export async function firstAnswer(upstream: Upstream, probe: Probe, signal: AbortSignal, clock: Clock): Promise<void> {
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 1.5, LONGEST_PAUSE_MS)) {
    signal.throwIfAborted();
    if (await answers(upstream, probe, signal, clock)) return;
    await pause(pauseMs, signal, clock);
  }
}

async function answers(upstream: Upstream, probe: Probe, signal: AbortSignal, clock: Clock): Promise<boolean> {
  const attempt = new AbortController();
  const timer = clock.setTimeout(() => attempt.abort(), ATTEMPT_MS);
  const abort = (): void => attempt.abort();
  signal.addEventListener('abort', abort);
  let socket: Duplex | undefined;
  try {
    socket = await upstream.dial(attempt.signal);
    if (probe === 'http') await responds(socket, attempt.signal);
    return true;
  } catch {
    return false;
  } finally {
    clock.clearTimeout(timer);
    signal.removeEventListener('abort', abort);
    socket?.destroy();
  }
}

/** Whatever the status: also a 404 comes from a server that is there. */
function responds(socket: Duplex, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const probe = request({
      path: '/api',
      headers: { host: 'localhost', connection: 'close' },
      createConnection: () => socket,
      signal,
    });
    probe.on('error', reject);
    probe.on('response', (response) => {
      response.resume();
      resolve();
    });
    probe.end();
  });
}

function pause(ms: number, signal: AbortSignal, clock: Clock): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      clock.clearTimeout(timer);
      reject(signal.reason as Error);
    };
    const timer = clock.setTimeout(() => {
      signal.removeEventListener('abort', abort);
      resolve();
    }, ms);
    signal.addEventListener('abort', abort, { once: true });
  });
}

// Asks a Jupyter server about itself, past the bastion: which kernels are busy, what was used last, and to end in good order.

import { request, type IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';

import type { Testimony } from './idle.ts';
import type { Upstream } from './upstreams/upstream.ts';

export interface JupyterOptions {
  readonly upstream: Upstream;
  /** Authorization value that it accepts, if it wants one. */
  readonly authorization: string | undefined;
  /** Where its URLs begin: `/`, or `/user/alice/`. */
  readonly base: string;
  /** It is one for sure; else what does not answer like a Jupyter is taken for another program. */
  readonly certain: boolean;
  /** Unix milliseconds. */
  readonly now: () => number;
}

export interface Jupyter {
  /** Never rejects. */
  testimony(): Promise<Testimony>;
  /** What an open tab asks by itself, and would make its notebook look used for ever. */
  readonly quiet: readonly string[];
  /** Asks it to end; true when it said that it will. Never rejects. */
  shutdown(): Promise<boolean>;
}

const PATIENCE_MS = 10_000;
const LONGEST_ANSWER = 4 * 1024 * 1024;
/** Otherwise our asking would count as use. */
const UNNOTICED = '?no_track_activity=1';

interface Answer {
  readonly status: number;
  readonly text: string;
}

export function createJupyter(options: JupyterOptions): Jupyter {
  const { base, certain, now } = options;
  const ask = (method: string, path: string): Promise<Answer | undefined> =>
    exchange(options, method, `${base}${path}`).catch(() => undefined);
  return {
    testimony: async () => {
      const [kernels, terminals] = await Promise.all([
        ask('GET', `api/kernels${UNNOTICED}`),
        ask('GET', `api/terminals${UNNOTICED}`),
      ]);
      const running = listOf(kernels);
      if (running === undefined) return { kind: certain && failed(kernels) ? 'silent' : 'other' };
      // A server may do without terminals.
      const used = [...running, ...(listOf(terminals) ?? [])].flatMap(({ last_activity: at }) => timeOf(at));
      const quietMs = used.length === 0 ? undefined : Math.max(0, now() - Math.max(...used));
      return { kind: 'jupyter', busy: running.some(({ execution_state: state }) => state === 'busy'), quietMs };
    },
    // The layout is saved every ten seconds whether it changed or not; shared editing says "I am here" every fifteen.
    quiet: [`${base}lab/api/workspaces/`, `${base}api/collaboration/`],
    shutdown: async () => ((await ask('POST', 'api/shutdown'))?.status ?? 500) < 300,
  };
}

interface Used {
  readonly last_activity?: unknown;
  readonly execution_state?: unknown;
}

/** Answers of a program that is too busy, or just starting, tell nothing. */
function failed(answer: Answer | undefined): boolean {
  return answer === undefined || answer.status >= 500;
}

function listOf(answer: Answer | undefined): readonly Used[] | undefined {
  if (answer?.status !== 200) return undefined;
  try {
    const json: unknown = JSON.parse(answer.text);
    return Array.isArray(json) ? json.filter((item) => typeof item === 'object' && item !== null) : undefined;
  } catch {
    return undefined;
  }
}

function timeOf(value: unknown): number[] {
  const at = typeof value === 'string' ? Date.parse(value) : NaN;
  return Number.isNaN(at) ? [] : [at];
}

async function exchange({ upstream, authorization }: JupyterOptions, method: string, path: string): Promise<Answer> {
  const signal = AbortSignal.timeout(PATIENCE_MS);
  const socket = await upstream.dial(signal);
  try {
    return await answerTo(socket, { method, path, authorization, signal });
  } finally {
    socket.destroy();
  }
}

interface Question {
  readonly method: string;
  readonly path: string;
  readonly authorization: string | undefined;
  readonly signal: AbortSignal;
}

function answerTo(socket: Duplex, { method, path, authorization, signal }: Question): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = {
      host: 'localhost',
      connection: 'close',
      ...(authorization === undefined ? {} : { authorization }),
    };
    const sent = request({ method, path, headers, signal, createConnection: () => socket });
    sent.on('error', reject);
    sent.on('response', (response) => void collect(response).then(resolve, reject));
    sent.end();
  });
}

async function collect(response: IncomingMessage): Promise<Answer> {
  let text = '';
  response.setEncoding('utf8');
  for await (const chunk of response) {
    text += String(chunk);
    if (text.length > LONGEST_ANSWER) throw new Error('the answer is too long');
  }
  return { status: response.statusCode ?? 0, text };
}

// What `npm run demo -- --check` does as a visitor over the tunnel: page, kernel, a large file both ways, with timings.

import { createHash, randomBytes } from 'node:crypto';
import type { Hash } from 'node:crypto';
import { connectKernel, execute, startKernel, stopKernel } from './kernel.ts';
import type { Visitor } from './visitor.ts';

export const FILE_BYTES = 100_000_000;
const FILE = 'postern-check.bin';
/** A multiple of 3, so that pieces of base64 carry no padding; JupyterLab itself uploads in pieces of 1 MiB. */
const PIECE_BYTES = 3 * 1024 * 1024;
const KERNEL_MS = 60_000;

export interface Step {
  readonly step: string;
  readonly ok: boolean;
  readonly ms: number;
  readonly detail?: string;
}

type Say = (text: string) => void;

/** Runs every step, in order, stopping at the first that fails; never rejects. */
export async function checkJupyterLab(visitor: Visitor, secret: string, say: Say): Promise<Step[]> {
  let kernel = '';
  let sent = '';
  const steps: readonly (readonly [string, () => Promise<string>])[] = [
    ['a visitor without a cookie is kept out', () => keptOut(visitor)],
    ['the link gives a cookie', () => enter(visitor, secret)],
    ['the link works only once', () => enterAgain(visitor, secret)],
    ['JupyterLab loads', () => loadLab(visitor)],
    ['a kernel starts', async () => (kernel = await startKernel(visitor))],
    ['6*7 is 42 over a WebSocket', () => sixTimesSeven(visitor, kernel)],
    ['the kernel stops', async () => (await stopKernel(visitor, kernel), 'stopped')],
    ['100 MB go up', async () => (sent = await upload(visitor))],
    ['100 MB come down unchanged', () => download(visitor, sent)],
  ];
  return runSteps(steps, say);
}

/** The same for the built-in page that stands in for JupyterLab. */
export function checkPage(visitor: Visitor, secret: string, say: Say): Promise<Step[]> {
  const steps: readonly (readonly [string, () => Promise<string>])[] = [
    ['a visitor without a cookie is kept out', () => keptOut(visitor)],
    ['the link gives a cookie', () => enter(visitor, secret)],
    ['the built-in page loads', () => page(visitor, '/', 'postern')],
  ];
  return runSteps(steps, say);
}

async function runSteps(steps: readonly (readonly [string, () => Promise<string>])[], say: Say): Promise<Step[]> {
  const done: Step[] = [];
  for (const [step, run] of steps) {
    const started = performance.now();
    const outcome = await run().then(
      (detail) => ({ ok: true, detail }),
      (error: unknown) => ({ ok: false, detail: error instanceof Error ? error.message : String(error) }),
    );
    const ms = Math.round(performance.now() - started);
    done.push({ step, ms, ...outcome });
    say(`${outcome.ok ? 'ok    ' : 'FAILED'} ${step} (${ms} ms): ${outcome.detail}`);
    if (!outcome.ok) break;
  }
  return done;
}

async function keptOut(visitor: Visitor): Promise<string> {
  const { status } = await visitor.ask('/api/status');
  if (status !== 401) throw new Error(`answered ${status}, not 401`);
  return 'answered 401';
}

async function enter(visitor: Visitor, secret: string): Promise<string> {
  await visitor.enter(secret);
  return 'entered';
}

async function enterAgain(visitor: Visitor, secret: string): Promise<string> {
  const again = await visitor.ask('/_postern/enter', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ secret }),
  });
  if (again.status !== 403) throw new Error(`answered ${again.status}, not 403`);
  return 'answered 403';
}

function loadLab(visitor: Visitor): Promise<string> {
  return page(visitor, '/lab', 'JupyterLab');
}

async function page(visitor: Visitor, path: string, expected: string): Promise<string> {
  const { status, body } = await visitor.ask(path, { headers: { accept: 'text/html' } });
  if (status !== 200 || !body.includes(expected)) throw new Error(`${path} answered ${status}, ${body.length} bytes`);
  return `${body.length} bytes`;
}

async function sixTimesSeven(visitor: Visitor, kernel: string): Promise<string> {
  const socket = await connectKernel(visitor, kernel);
  try {
    const result = await execute(socket, '6*7', KERNEL_MS);
    if (result !== '42') throw new Error(`the kernel says ${result}`);
    return result;
  } finally {
    socket.terminate();
  }
}

/** Uploads random bytes by Jupyter's contents API, in pieces as JupyterLab does; answers their SHA-256. */
async function upload(visitor: Visitor): Promise<string> {
  const hash = createHash('sha256');
  let sent = 0;
  for (let chunk = 1; sent < FILE_BYTES; chunk += 1) {
    const piece = randomBytes(Math.min(PIECE_BYTES, FILE_BYTES - sent));
    hash.update(piece);
    sent += piece.length;
    // Jupyter counts the pieces from 1; the last one is -1.
    const number = sent === FILE_BYTES ? -1 : chunk;
    await visitor.json(`/api/contents/${FILE}`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ type: 'file', format: 'base64', chunk: number, content: piece.toString('base64') }),
    });
  }
  return hash.digest('hex');
}

/** Downloads the file and compares. */
async function download(visitor: Visitor, expected: string): Promise<string> {
  const response = await visitor.open(`/files/${FILE}`);
  const hash: Hash = createHash('sha256');
  let received = 0;
  for await (const chunk of response) {
    hash.update(chunk as Buffer);
    received += (chunk as Buffer).length;
  }
  const found = hash.digest('hex');
  if (response.statusCode !== 200) throw new Error(`answered ${response.statusCode}`);
  if (received !== FILE_BYTES) throw new Error(`${received} bytes came, not ${FILE_BYTES}`);
  if (found !== expected) throw new Error(`SHA-256 differs: ${found}, not ${expected}`);
  return found;
}

// Bastions as processes that listen, one after the other, on a socket that was opened before the first of them started.

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

import { createToken, loadTokenKey } from '../../bastion/auth/token.ts';
import { childEnvironment } from '../../contrib/demo/child.ts';
import { DOMAIN } from './bastion-world.ts';

const MAIN = join(import.meta.dirname, '..', '..', 'bastion', 'main.ts');

/** One bastion: its process is there, with the socket, from the beginning, and becomes a bastion when it is told to. */
export class Successor {
  readonly process: ChildProcess;
  readonly exited: Promise<number | null>;
  #output = '';

  constructor(descriptor: number, options: readonly string[]) {
    // The number of the process is not known before: so the shell tells it, as systemd would.
    const script = 'read go && LISTEN_FDS=1 LISTEN_PID=$$ exec "$@"';
    const command = [process.execPath, MAIN, 'serve', '--domain', DOMAIN, '--log-format', 'json', ...options];
    this.process = spawn('sh', ['-c', script, 'sh', ...command], {
      env: childEnvironment(),
      stdio: ['pipe', 'ignore', 'pipe', descriptor],
    });
    this.process.stderr?.setEncoding('utf8').on('data', (text: string) => (this.#output += text));
    this.exited = once(this.process, 'exit').then(([code]) => code as number | null);
  }

  get output(): string {
    return this.#output;
  }

  /** Resolves once it accepts connections. */
  async start(): Promise<void> {
    this.process.stdin?.end('go\n');
    while (!this.#output.includes('serving on')) {
      await Promise.race([once(this.process.stderr!, 'data'), this.exited]);
      if (this.process.exitCode !== null) throw new Error(`the bastion ended:\n${this.#output}`);
    }
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    this.process.kill(signal);
    return this.exited;
  }
}

export interface HandedOver {
  readonly port: number;
  readonly bastions: readonly Successor[];
  token(name: string): Promise<string>;
  /** PEM; there once the first bastion has started. */
  ca(): string;
}

/** `count` bastions on one socket and one state directory; none has started yet. All end with the test. */
export async function handedOver(t: TestContext, count: number, options: readonly string[]): Promise<HandedOver> {
  const folder = mkdtempSync(join(tmpdir(), 'postern-'));
  const state = join(folder, 'state');
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  // Node says the descriptor of a socket nowhere else.
  const { fd: descriptor } = (server as unknown as Record<string, { fd: number }>)['_handle'] as { fd: number };
  const bastions = Array.from({ length: count }, () => new Successor(descriptor, ['--state', state, ...options]));
  // From now on the socket listens only because the others hold it.
  server.close();
  await once(server, 'close');
  t.after(async () => {
    await Promise.all(bastions.map((bastion) => bastion.stop('SIGKILL')));
    rmSync(folder, { recursive: true, force: true });
  });
  return {
    port,
    bastions,
    token: (name) =>
      createToken(loadTokenKey(state), { owner: 'alice', names: [name], use: 'agent', ttlMs: 3_600_000 }),
    ca: () => readFileSync(join(state, 'ca', 'certificate.pem'), 'utf8'),
  };
}

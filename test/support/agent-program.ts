// postern-agent as a process (from the sources, or POSTERN_AGENT_BIN) against a bare bastion.

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

import type { BareBastion } from './bare-bastion.ts';

const MAIN = join(import.meta.dirname, '..', '..', 'agent', 'main.ts');

export interface AgentExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export class AgentProgram {
  readonly process: ChildProcess;
  readonly exited: Promise<AgentExit>;
  #output = '';

  /** `run` or `attach` with what every agent of a test needs, and the rest as given. */
  constructor(
    bastion: Pick<BareBastion, 'url' | 'tokenFile' | 'caFile'>,
    command: 'run' | 'attach',
    rest: readonly string[],
    env: Record<string, string> = {},
  ) {
    const binary = process.env['POSTERN_AGENT_BIN'];
    const program = binary === undefined ? [process.execPath, MAIN] : [binary];
    const common = [
      '--bastion',
      bastion.url,
      '--name',
      'demo',
      '--token-file',
      bastion.tokenFile,
      '--ca',
      bastion.caFile,
    ];
    const [file, ...args] = [...program, command, ...common, ...rest] as [string, ...string[]];
    const inherited = Object.fromEntries(Object.entries(process.env).filter(([key]) => !key.startsWith('POSTERN_')));
    this.process = spawn(file, args, { env: { ...inherited, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.process.stdout, this.process.stderr])
      stream?.setEncoding('utf8').on('data', (data: string) => (this.#output += data));
    this.exited = once(this.process, 'close').then(([code, signal]) => ({ code, signal }));
  }

  /** Everything it and its command wrote. */
  get output(): string {
    return this.#output;
  }

  /** The first match in the output, as soon as there is one. */
  async until(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(this.#output);
      if (match !== null) return match;
      const more = Promise.race([once(this.process.stdout!, 'data'), once(this.process.stderr!, 'data'), this.exited]);
      await more;
      if (this.process.exitCode !== null && pattern.exec(this.#output) === null)
        throw new Error(`the agent ended without ${String(pattern)}:\n${this.#output}`);
    }
  }
}

/** A command for `run` that serves `answer` over HTTP at {socket} and does `more` besides. */
export function server(more = '', answer = 'request.url'): string[] {
  const code = `
    const server = require('node:http').createServer((request, response) => response.end(${answer}));
    server.listen('{socket}', () => console.log('COMMAND ' + process.pid + ' LISTENS'));
    ${more}`;
  return ['--', process.execPath, '-e', code];
}

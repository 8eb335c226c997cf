// The world of the end-to-end tests: the built bastion and agent as processes, a real JupyterLab behind them.

import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { runToEnd } from '../../contrib/demo/child.ts';
import { findJupyterLab } from '../../contrib/demo/jupyterlab.ts';
import type { JupyterLab } from '../../contrib/demo/jupyterlab.ts';
import { awaitNone, killLeftovers } from '../../contrib/demo/leftovers.ts';
import { jupyterCommand, jupyterEnvironment } from '../../contrib/demo/notebook.ts';
import { createToken, freePort, startAgent, startBastion } from '../../contrib/demo/programs.ts';
import type { Agent, Bastion, Programs, Run } from '../../contrib/demo/programs.ts';
import { Visitor } from '../../contrib/demo/visitor.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const NAME = 'demo';
const GONE_MS = 10_000;

const lab = await findJupyterLab();

/** For node:test's `skip`: false, or why a test with JupyterLab can't run here. */
export const skipWithoutJupyterLab: string | false =
  lab === undefined ? 'no JupyterLab 4 here: node test/support/prepare.ts says why' : false;

let built: Promise<Programs> | undefined;

/** The programs as they are shipped: dist/, made from the sources now; the agent is POSTERN_AGENT_BIN if that is set. */
export function builtPrograms(): Promise<Programs> {
  return (built ??= build());
}

async function build(): Promise<Programs> {
  const command = [join(ROOT, 'node_modules', '.bin', 'tsc'), '-p', join(ROOT, 'tsconfig.build.json')];
  const { code, output } = await runToEnd({ name: 'tsc', command, cwd: ROOT });
  if (code !== 0) throw new Error(`the build failed:\n${output}`);
  const program = (name: string): string[] => [process.execPath, join(ROOT, 'dist', name, 'main.js')];
  const executable = process.env['POSTERN_AGENT_BIN'];
  return { bastion: program('bastion'), agent: executable === undefined ? program('agent') : [resolve(executable)] };
}

export interface WorldOptions {
  /** Files in JupyterLab's directory: name and content. */
  readonly notebooks?: Readonly<Record<string, string>>;
  /** More options of `postern-bastion serve`. */
  readonly bastionOptions?: readonly string[];
  /** More options of `postern-agent run`. */
  readonly agentOptions?: readonly string[];
  /** What a batch system would put into the environment. */
  readonly environment?: Readonly<Record<string, string>>;
}

export class JupyterWorld implements AsyncDisposable {
  readonly run: Run;
  /** JupyterLab's root directory. */
  readonly files: string;
  readonly #tokenFile: string;
  #agent: Agent;
  #bastion: Bastion;
  readonly #visitors: Visitor[] = [];

  private constructor(run: Run, bastion: Bastion, agent: Agent, tokenFile: string) {
    this.run = run;
    this.files = join(run.folder, 'files');
    this.#bastion = bastion;
    this.#agent = agent;
    this.#tokenFile = tokenFile;
  }

  /** Starts everything and waits until JupyterLab answers. */
  static async start({
    notebooks = {},
    bastionOptions = [],
    agentOptions = [],
    environment: more = {},
  }: WorldOptions = {}): Promise<JupyterWorld> {
    const folder = mkdtempSync(join(tmpdir(), 'postern-e2e-'));
    const id = randomBytes(8).toString('hex');
    const environment = { ...jupyterEnvironment(folder), ...more };
    const run: Run = { programs: await builtPrograms(), id, folder, domain: 'notebooks.localhost', environment };
    try {
      mkdirSync(join(folder, 'files'));
      for (const [name, text] of Object.entries(notebooks)) writeFileSync(join(folder, 'files', name), text);
      const bastion = await startBastion(run, await freePort(0), { extra: bastionOptions });
      const tokenFile = await createToken(run, 'alice', NAME);
      const command = jupyterCommand(lab as JupyterLab, folder);
      const options = { name: NAME, tokenFile, serve: { command }, extra: agentOptions };
      return new JupyterWorld(run, bastion, await startAgent(run, bastion, options), tokenFile);
    } catch (error) {
      killLeftovers(id);
      rmSync(folder, { recursive: true, force: true });
      throw error;
    }
  }

  get agent(): Agent {
    return this.#agent;
  }

  /** Starts the job anew after its agent has ended: the same files in a scratch directory of its own, nothing else kept. */
  async restartElsewhere(): Promise<void> {
    const folder = join(this.run.folder, `scratch-${randomBytes(4).toString('hex')}`);
    mkdirSync(folder);
    const run = { ...this.run, folder, environment: { ...this.run.environment, ...jupyterEnvironment(folder) } };
    const command = jupyterCommand(lab as JupyterLab, folder).map((word) =>
      word.startsWith('--ServerApp.root_dir=') ? `--ServerApp.root_dir=${this.files}` : word,
    );
    this.#agent = await startAgent(run, this.#bastion, { name: NAME, tokenFile: this.#tokenFile, serve: { command } });
  }

  get bastion(): Bastion {
    return this.#bastion;
  }

  /** Somebody outside, without a cookie yet. */
  visitor(): Visitor {
    const visitor = new Visitor({ origin: this.agent.origin, ca: this.#bastion.ca });
    this.#visitors.push(visitor);
    return visitor;
  }

  /** The owner, entered with the link that is valid now. */
  async owner(): Promise<Visitor> {
    const visitor = this.visitor();
    await visitor.enter(this.agent.secret);
    return visitor;
  }

  /** Starts a bastion again on the same port and state, after the last one was killed. */
  async restartBastion(): Promise<void> {
    this.#bastion = await startBastion(this.run, this.#bastion.port);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const visitor of this.#visitors) visitor.close();
    await this.agent.child.stop();
    await this.#bastion.child.stop();
    const left = await awaitNone(this.run.id, GONE_MS);
    killLeftovers(this.run.id);
    rmSync(this.run.folder, { recursive: true, force: true });
    if (left.length > 0) throw new Error(`left behind: ${left.map(({ command }) => command).join('; ')}`);
  }
}

/** Waits until `look` answers something other than undefined; looks every 100 ms, `deadlineMs` at most. */
export async function until<T>(look: () => Promise<T | undefined>, deadlineMs: number, what: string): Promise<T> {
  const end = Date.now() + deadlineMs;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (Date.now() > end) throw new Error(`not within ${deadlineMs / 1000} s: ${what}`);
    await new Promise((done) => setTimeout(done, 100));
  }
}

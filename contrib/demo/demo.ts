// `npm run demo`: a bastion, an agent and JupyterLab on this machine, one link to open, until Ctrl-C; --check visits it.

import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, watchFile } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { checkJupyterLab, checkPage } from './check.ts';
import type { Step } from './check.ts';
import { obtainJupyterLab } from './jupyterlab.ts';
import type { Availability } from './jupyterlab.ts';
import { MARKER, awaitNone, killLeftovers } from './leftovers.ts';
import { jupyterCommand, jupyterEnvironment, pageCommand } from './notebook.ts';
import { createToken, freePort, readLink, sourcePrograms, startAgent, startBastion } from './programs.ts';
import type { Agent, Bastion, Run } from './programs.ts';
import { Visitor } from './visitor.ts';

const USAGE = `Usage: npm run demo [-- OPTIONS]

Starts a bastion and an agent with JupyterLab behind it on this machine, and prints the link to open.

  --check        visit it instead, as a program: page, kernel, 100 MB up and down; a JSON summary is the last line
  --port PORT    the bastion's port on 127.0.0.1 (default 8443, or another one if that is taken)
  --verbose      show what bastion, agent and JupyterLab say
  --help
`;
const DOMAIN = 'notebooks.localhost';
const NAME = 'demo';
const ENDED_MS = 10_000;
const LINK_LOOK_MS = 500;

interface Options {
  readonly check: boolean;
  readonly port: number;
  readonly verbose: boolean;
}

interface World {
  readonly run: Run;
  readonly notebook: Availability;
  readonly bastion: Bastion;
  readonly agent: Agent;
}

/** Progress is for people: standard output keeps to the link, or the summary. */
function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

function readOptions(): Options | undefined {
  try {
    const { values } = parseArgs({
      options: {
        check: { type: 'boolean', default: false },
        port: { type: 'string', default: '8443' },
        verbose: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    });
    const port = Number(values.port);
    if (!Number.isInteger(port) || port < 1 || port > 65_535) throw new Error(`--port ${values.port} is not a port`);
    if (!values.help) return { check: values.check, port, verbose: values.verbose };
    process.stdout.write(USAGE);
    process.exitCode = 0;
  } catch (error) {
    say(`${(error as Error).message}\n\n${USAGE}`);
    process.exitCode = 2;
  }
  return undefined;
}

/** The person's wish to stop: the signal the first time; the second time everything ends at once. */
function stopWish(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let asked = false;
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
      process.on(signal, () => {
        if (asked) process.exit(130);
        asked = true;
        resolve(signal);
      });
  });
}

async function start(run: Run, options: Options, started: { stop(): Promise<unknown> }[]): Promise<World> {
  const notebook = await obtainJupyterLab(say);
  if (notebook.lab === undefined) say(`JupyterLab is not available: ${notebook.reason}.`);
  if (notebook.lab === undefined) say('A small built-in page is served through the tunnel instead.');
  const port = await freePort(options.port);
  if (port !== options.port) say(`Port ${options.port} is taken: using ${port}.`);
  say('Starting the bastion ...');
  const bastion = await startBastion(run, port);
  started.push(bastion.child);
  const tokenFile = await createToken(run, 'demo', NAME);
  say(`Starting the agent, which starts ${notebook.lab === undefined ? 'the page' : 'JupyterLab'} ...`);
  const command = notebook.lab === undefined ? pageCommand() : jupyterCommand(notebook.lab, run.folder);
  const agent = await startAgent(run, bastion, { name: NAME, tokenFile, serve: { command } });
  started.push(agent.child);
  return { run, notebook, bastion, agent };
}

function show({ bastion, agent, notebook }: World): void {
  process.stdout.write(`
${notebook.lab === undefined ? 'The page' : 'JupyterLab'} is ready. Open this link (it works once; the agent holds the next one):

  ${agent.link}

Your browser does not know the demo's certificate authority, made a moment ago and thrown away at the end:
  ${bastion.caFile}
  Firefox   Settings > Certificates > View > Authorities > Import
  Chromium  certutil -d sql:$HOME/.pki/nssdb -A -t C,, -n postern-demo -i ${bastion.caFile}
  curl      curl --cacert ${bastion.caFile} ${agent.origin}/
Or accept the browser's warning once; nothing but this machine is involved.

Ctrl-C stops everything.
`);
  watchFile(agent.linkFile, { interval: LINK_LOOK_MS, persistent: false }, () => {
    const next = readLink(agent.linkFile);
    if (next !== undefined)
      process.stdout.write(`\nThe link was used. The next one, for another browser:\n\n  ${next.href}\n`);
  });
}

async function check(world: World): Promise<{ steps: Step[]; ok: boolean }> {
  const { notebook, bastion, agent } = world;
  const visitor = new Visitor({ origin: agent.origin, ca: bastion.ca });
  const journey = notebook.lab === undefined ? checkPage : checkJupyterLab;
  const steps = await journey(visitor, agent.secret, say);
  visitor.close();
  return { steps, ok: notebook.lab !== undefined && steps.every((step) => step.ok) };
}

/** Stops in the order opposite to starting, and answers what is left all the same. */
async function stopAll(run: Run, started: readonly { stop(): Promise<unknown> }[]): Promise<readonly string[]> {
  for (const child of started.toReversed()) await child.stop();
  const left = (await awaitNone(run.id, ENDED_MS)).map(({ pid, command }) => `${pid} ${command}`);
  killLeftovers(run.id);
  rmSync(run.folder, { recursive: true, force: true });
  return left;
}

async function main(options: Options): Promise<number> {
  const wish = stopWish();
  const folder = mkdtempSync(join(tmpdir(), 'postern-demo-'));
  const onLine = (program: string, line: string): void => void (options.verbose && say(`${program}: ${line}`));
  const run: Run = {
    programs: sourcePrograms(),
    id: process.env[MARKER] ?? randomBytes(8).toString('hex'),
    folder,
    domain: DOMAIN,
    environment: jupyterEnvironment(folder),
    onLine,
  };
  process.on('exit', () => killLeftovers(run.id));
  const started: { stop(): Promise<unknown> }[] = [];
  const began = performance.now();
  const outcome = await Promise.race([
    serve(run, options, started, wish),
    wish.then(() => ({ ok: !options.check })),
  ]).catch((error: unknown) => ({ ok: false, error: error instanceof Error ? error.message : String(error) }));
  if ('error' in outcome) say(String(outcome.error));
  say('Stopping ...');
  const left = await stopAll(run, started);
  for (const line of left) say(`left behind and killed: ${line}`);
  const ok = outcome.ok && left.length === 0;
  const seconds = Math.round(performance.now() - began) / 1000;
  if (options.check) process.stdout.write(`${JSON.stringify({ ...outcome, ok, seconds, leftBehind: left })}\n`);
  return ok ? 0 : 1;
}

/** Everything between start and stop; answers what the summary says. */
async function serve(
  run: Run,
  options: Options,
  started: { stop(): Promise<unknown> }[],
  wish: Promise<NodeJS.Signals>,
): Promise<{ ok: boolean } & Record<string, unknown>> {
  const began = performance.now();
  const world = await start(run, options, started);
  const startMs = Math.round(performance.now() - began);
  const { lab, reason } = world.notebook;
  if (options.check) return { jupyterlab: lab?.version ?? null, reason, startMs, ...(await check(world)) };
  show(world);
  const ended = await Promise.race([
    wish,
    ...[world.bastion, world.agent].map(({ child }) => child.exited.then(() => child)),
  ]);
  if (typeof ended === 'string') return { ok: true };
  throw new Error(`${ended.name} ended by itself; it said last:\n${ended.lastWords}`);
}

const options = readOptions();
if (options !== undefined) process.exit(await main(options));

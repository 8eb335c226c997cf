// Starts our two programs as children, waits until they are ready, and answers what a person would read from their output.

import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { Child, childEnvironment, runToEnd } from './child.ts';
import { MARKER } from './leftovers.ts';

/** How each program is called: from the sources, from dist/, or as the single executable. */
export interface Programs {
  readonly bastion: readonly string[];
  readonly agent: readonly string[];
}

/** What both programs of one run share. */
export interface Run {
  readonly programs: Programs;
  /** Marks the processes of this run. */
  readonly id: string;
  /** A directory of this run's own. */
  readonly folder: string;
  readonly domain: string;
  /** Added to the environment of both programs, and so of the notebook. */
  readonly environment?: Readonly<Record<string, string>>;
  onLine?(program: string, line: string): void;
}

export interface Bastion {
  readonly child: Child;
  readonly port: number;
  /** `https://notebooks.localhost:8443`. */
  readonly origin: string;
  readonly caFile: string;
  /** PEM. */
  readonly ca: string;
}

export interface Agent {
  readonly child: Child;
  /** `https://demo.notebooks.localhost:8443`. */
  readonly origin: string;
  /** The owner's link, with the one-time secret in its fragment. */
  readonly link: string;
  readonly secret: string;
  /** Where the agent keeps the link that is valid now. */
  readonly linkFile: string;
}

const ROOT = resolve(import.meta.dirname, '../..');
const BASTION_READY_MS = 20_000;
/** JupyterLab's first start compiles its Python files. */
const AGENT_READY_MS = 120_000;
/** Only a terminal and the link file ever get the link; this looks for the file, which is how a program reads it. */
const LOOK_MS = 50;
/** What the bastion logs when it accepts connections. */
const SERVING = 'serving on';
/** What the agent logs when the notebook is up. */
const ANSWERS = 'The notebook answers';

/** The programs as `npm run bastion` and `npm run agent` start them. */
export function sourcePrograms(): Programs {
  return {
    bastion: [process.execPath, join(ROOT, 'bastion', 'main.ts')],
    agent: [process.execPath, join(ROOT, 'agent', 'main.ts')],
  };
}

function runEnvironment(run: Run): Record<string, string> {
  // What a killed program could not remove goes with the run's folder.
  return childEnvironment({ TMPDIR: run.folder, ...run.environment, [MARKER]: run.id });
}

function startChild(run: Run, name: string, words: readonly string[]): Child {
  const onLine = (line: string): void => run.onLine?.(name, line);
  return new Child({ name, command: words, env: runEnvironment(run), cwd: run.folder, onLine });
}

/** A certificate in place of the bastion's own CA; files of PEM. */
export interface OwnCertificate {
  readonly certificateFile: string;
  readonly keyFile: string;
  readonly caFile: string;
}

export interface BastionOptions {
  readonly certificate?: OwnCertificate;
  /** The address to listen on; nothing: 127.0.0.1. */
  readonly host?: string;
  /** More options of `serve`. */
  readonly extra?: readonly string[];
}

/** Starts a bastion and waits until it accepts. State and CA are those in the run's folder, made if absent. */
export async function startBastion(run: Run, port: number, options: BastionOptions = {}): Promise<Bastion> {
  const { certificate, host = '127.0.0.1', extra = [] } = options;
  const state = stateFolder(run);
  const listen = `${host}:${port}`;
  const files =
    certificate === undefined ? [] : ['--tls-cert', certificate.certificateFile, '--tls-key', certificate.keyFile];
  const args = ['--domain', run.domain, '--listen', listen, '--state', state, ...files, ...extra];
  const child = startChild(run, 'bastion', [...run.programs.bastion, 'serve', ...args]);
  await child.line((line) => (line.includes(SERVING) ? true : undefined), BASTION_READY_MS);
  const caFile = certificate?.caFile ?? (await exportAuthority(run));
  return { child, port, origin: `https://${run.domain}:${port}`, caFile, ca: readFileSync(caFile, 'utf8') };
}

async function exportAuthority(run: Run): Promise<string> {
  const file = join(run.folder, 'ca.pem');
  writeFileSync(file, await command(run, ['ca', 'export', '--state', stateFolder(run)]));
  return file;
}

/** Makes a credential for an agent; answers the file that holds it. */
export async function createToken(run: Run, owner: string, name: string): Promise<string> {
  const options = ['--state', stateFolder(run), '--owner', owner, '--name', name, '--ttl', '12h'];
  const token = await command(run, ['token', 'create', ...options]);
  const file = join(run.folder, `${owner}.token`);
  writeFileSync(file, `${token}\n`, { mode: 0o600 });
  return file;
}

export interface AgentOptions {
  readonly name: string;
  readonly tokenFile: string;
  /** `run`'s COMMAND, or `attach`'s --to. */
  readonly serve: { readonly command: readonly string[] } | { readonly to: string };
  readonly extra?: readonly string[];
}

/** Starts an agent and waits until it has registered and the notebook answers. */
export async function startAgent(run: Run, bastion: Bastion, options: AgentOptions): Promise<Agent> {
  const { name, tokenFile, serve, extra = [] } = options;
  const linkFile = join(run.folder, `${name}.link`);
  const trust = ['--ca', bastion.caFile];
  const common = [
    '--bastion',
    bastion.origin,
    '--name',
    name,
    '--token-file',
    tokenFile,
    '--link-file',
    linkFile,
    ...trust,
  ];
  const args =
    'command' in serve
      ? ['run', ...common, ...extra, '--', ...serve.command]
      : ['attach', ...common, ...extra, '--to', serve.to];
  const child = startChild(run, 'agent', [...run.programs.agent, ...args]);
  const url = await firstLink(child, linkFile);
  // It registers before the notebook is up, so that early visitors read that it is starting.
  await child.line((line) => (line.includes(ANSWERS) ? true : undefined), AGENT_READY_MS);
  return { child, origin: url.origin, link: url.href, secret: secretOf(url), linkFile };
}

/** The link that the file holds now; undefined while there is none. */
export function readLink(linkFile: string): URL | undefined {
  try {
    return new URL(readFileSync(linkFile, 'utf8').trim());
  } catch {
    return undefined;
  }
}

export function secretOf(link: URL): string {
  return link.hash.replace('#postern=', '');
}

async function firstLink(child: Child, linkFile: string): Promise<URL> {
  const deadline = Date.now() + AGENT_READY_MS;
  for (;;) {
    const url = readLink(linkFile);
    if (url !== undefined) return url;
    if (!child.running) throw new Error(`the agent ended; it said last:\n${child.lastWords}`);
    if (Date.now() > deadline) throw new Error(`the agent did not register; it said last:\n${child.lastWords}`);
    await Promise.race([child.exited, new Promise((again) => setTimeout(again, LOOK_MS))]);
  }
}

/** `preferred` when it is free on 127.0.0.1, else any free port. */
export async function freePort(preferred: number): Promise<number> {
  return (await probe(preferred)) ?? ((await probe(0)) as number);
}

function probe(port: number): Promise<number | undefined> {
  return new Promise((done) => {
    const server = createServer();
    server.once('error', () => done(undefined));
    server.listen({ host: '127.0.0.1', port }, () => {
      const address = server.address();
      server.close(() => done(typeof address === 'object' ? address?.port : undefined));
    });
  });
}

function stateFolder(run: Run): string {
  return join(run.folder, 'state');
}

/** Runs a short command of the bastion; answers its standard output. */
async function command(run: Run, args: readonly string[]): Promise<string> {
  const lines: string[] = [];
  const { code, output } = await runToEnd({
    name: 'postern-bastion',
    command: [...run.programs.bastion, ...args],
    env: runEnvironment(run),
    onLine: (line, source) => void (source === 'stdout' && lines.push(line)),
  });
  if (code !== 0) throw new Error(`postern-bastion ${args.slice(0, 2).join(' ')} failed:\n${output}`);
  return `${lines.join('\n')}\n`.trimStart();
}

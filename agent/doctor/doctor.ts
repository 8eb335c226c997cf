// `postern-agent doctor`: step by step, what works between this node and each bastion, in plain language.

import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';

import { asPosternError } from '../../shared/errors.ts';
import { lookup } from '../../shared/net/resolve.ts';
import { readAuthorities, systemAuthorities } from '../../shared/net/trust.ts';
import { NO_LOG } from '../../shared/program/log.ts';
import { VERSION } from '../../shared/program/version.ts';
import { TUNNEL_PATH, type Registration } from '../../shared/wire/handshake.ts';
import type { DoctorValues } from '../options.ts';
import { proxyFor, type Proxy } from '../proxy.ts';
import { wayTo, type Through } from '../reach.ts';
import { readSecretFile } from '../secret-file.ts';
import { failed, ok, skipped, type Finding } from './finding.ts';
import { passProxy, reachPort, resolveName, secure, type Place } from './network.ts';
import { askPage, rehearse } from './tunnel.ts';

export interface DoctorContext {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly output: { write(text: string): unknown };
}

interface Examined {
  readonly bastion: string;
  readonly findings: readonly Finding[];
}

const LIMITS = { credit: 262_144, streams: 4, message: 65_536 } as const;
const MARKS = { ok: 'ok     ', warning: 'WARNING', failed: 'FAILED ', skipped: '-      ' } as const;

/** The exit code: 0 when nothing failed, 1 otherwise. */
export async function doctor(values: DoctorValues, context: DoctorContext): Promise<number> {
  const { output } = context;
  const say = values.json ? undefined : (finding: Finding) => void output.write(inWords(finding));
  const all: Examined[] = [];
  for (const bastion of values.bastion) {
    if (!values.json) output.write(`\n${bastion}\n`);
    all.push({ bastion, findings: await examine(bastion, values, { context, say }) });
  }
  const bad = all.flatMap(({ findings }) => findings).filter(({ outcome }) => outcome === 'failed');
  if (values.json)
    output.write(
      `${JSON.stringify({ agent: VERSION, name: values.name, ok: bad.length === 0, bastions: all }, null, 2)}\n`,
    );
  else output.write(bad.length === 0 ? '\nNothing stands in the way.\n' : `\n${bad.length} of the steps failed.\n`);
  return bad.length === 0 ? 0 : 1;
}

interface Examination {
  readonly context: DoctorContext;
  readonly say: ((finding: Finding) => void) | undefined;
}

async function examine(bastion: string, values: DoctorValues, { context, say }: Examination): Promise<Finding[]> {
  const findings: Finding[] = [];
  try {
    for await (const finding of steps(bastion, values, context)) {
      findings.push(finding);
      say?.(finding);
    }
  } catch (cause) {
    const error = asPosternError(cause);
    const finding = failed('files', `${error.message}.`, error.entry.advice);
    findings.push(finding);
    say?.(finding);
  }
  return findings;
}

async function* steps(bastion: string, values: DoctorValues, { env }: DoctorContext): AsyncGenerator<Finding> {
  const { dialTimeout: timeoutMs } = values;
  // What is wrong with a file is wrong before anything is dialled.
  const token = readSecretFile(values.tokenFile);
  const ca = values.ca === undefined ? systemAuthorities() : readAuthorities(values.ca);
  const through = wayTo(bastion, { values, env, log: NO_LOG });
  yield ok('files', 'The token file can be read, and by nobody else.');

  const place = placeOf(bastion);
  const proxy = proxyFor(bastion, values.proxy, env);
  const below = yield* connection({ place, proxy, through, timeoutMs });
  if (below === undefined) return;
  const { finding: trusted, socket } = await secure({ place, ca, socket: below.socket, timeoutMs });
  yield trusted;
  if (socket === undefined) return;
  yield* await askPage(socket, new URL(bastion).host, timeoutMs);
  const dial = dialOf({ bastion, ca, through, timeoutMs });
  yield* await rehearse({ dial, registration: registrationOf(values.name), token });
}

interface Route {
  readonly place: Place;
  readonly proxy: Proxy | undefined;
  readonly through: Through | undefined;
  readonly timeoutMs: number;
}

/** Up to where TLS begins: with a socket if there is a proxy. Undefined: not so far. */
async function* connection(route: Route): AsyncGenerator<Finding, { socket: Socket | undefined } | undefined> {
  const { place, proxy, through, timeoutMs } = route;
  const first = proxy ?? place;
  const { finding: named, addresses } = await resolveName(first);
  yield named;
  if (addresses.length === 0) return undefined;
  const { finding: reached, reached: there } = await reachPort(first, addresses, timeoutMs);
  yield reached;
  if (!there) return undefined;
  if (proxy === undefined || through === undefined) {
    yield skipped('proxy', 'No proxy is asked for.');
    return { socket: undefined };
  }
  const { finding, socket } = await passProxy(proxy.label, through, timeoutMs);
  yield finding;
  return socket === undefined ? undefined : { socket };
}

interface Way {
  readonly bastion: string;
  readonly ca: string | undefined;
  readonly through: Through | undefined;
  readonly timeoutMs: number;
}

function dialOf({ bastion, ca, through, timeoutMs }: Way): Parameters<typeof rehearse>[0]['dial'] {
  const url = new URL(TUNNEL_PATH, bastion);
  url.protocol = 'wss:';
  return { url: url.href, ca, lookup, through, timeoutMs, zeroMask: true, maxMessage: LIMITS.message };
}

function registrationOf(name: string): Registration {
  return {
    agent: `postern-agent/${VERSION}`,
    instance: randomBytes(16).toString('hex'),
    slot: 0,
    names: [name],
    access: 'private',
    services: [{ name: 'web' }],
    links: [],
    features: [],
    limits: LIMITS,
  };
}

function placeOf(bastion: string): Place {
  const { hostname, port } = new URL(bastion);
  return { host: hostname.replace(/^\[(.*)\]$/, '$1'), port: port === '' ? 443 : Number(port) };
}

function inWords({ step, outcome, says, advice, details = [] }: Finding): string {
  const indent = ' '.repeat(22);
  const shown = outcome === 'ok' ? [] : details;
  const more = [...shown, ...(advice === undefined ? [] : [`-> ${advice}`])].map((line) => `${indent}${line}\n`);
  return `  ${MARKS[outcome]} ${step.padEnd(11)} ${says}\n${more.join('')}`;
}

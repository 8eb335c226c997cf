// A real bastion in this process with a CA of its own, and agents that are nothing but the protocol.

import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import type { IncomingHttpHeaders } from 'node:http';
import { request, type Agent } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

import { createToken, loadTokenKey } from '../../bastion/auth/token.ts';
import type { TokenRequest } from '../../bastion/auth/token-book.ts';
import { startBastion } from '../../bastion/bastion.ts';
import type { Bastion } from '../../bastion/bastion.ts';
import type { BastionConfig } from '../../bastion/config.ts';
import type { TunnelLimits } from '../../bastion/tunnels/tunnel-limits.ts';
import { dialLink } from '../../shared/link/dial.ts';
import { Session } from '../../shared/mux/session.ts';
import type { GoAway } from '../../shared/mux/session.ts';
import type { Stream } from '../../shared/mux/stream.ts';
import { lookup } from '../../shared/net/resolve.ts';
import { NO_LOG } from '../../shared/program/log.ts';
import type { Log } from '../../shared/program/log.ts';
import {
  ACCEPTANCE_HEADER,
  REGISTRATION_HEADER,
  TUNNEL_PATH,
  decodeAcceptance,
  encodeHeader,
} from '../../shared/wire/handshake.ts';
import type { Acceptance, Info, Registration } from '../../shared/wire/handshake.ts';

export const DOMAIN = 'notebooks.localhost';
const LIMITS = { credit: 256 * 1024, streams: 100, message: 64 * 1024 };
/** So many that only the tests of these limits meet them. */
export const TUNNEL_LIMITS: TunnelLimits = {
  streams: 20_000,
  opens: { perSecond: 1e6, burst: 1e6 },
  links: 16,
  names: 16,
  tunnels: 20_000,
};

export interface TestAgent {
  readonly session: Session;
  readonly acceptance: Acceptance;
  readonly infos: Info[];
  readonly goAways: GoAway[];
  readonly streams: Stream[];
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface VisitOptions {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string;
  /** Keeps connections; without one, each visit has its own. */
  readonly agent?: Agent;
}

export interface BastionWorld {
  readonly bastion: Bastion;
  readonly ca: string;
  readonly state: string;
  token(change?: Partial<TokenRequest>): Promise<string>;
  /** Registers `demo` of alice as another process would; rejects with DialError. */
  agent(token: string, change?: Partial<Registration>, onStream?: (stream: Stream) => void): Promise<TestAgent>;
  /** A visitor's request, or whatever the headers make of it. */
  visit(host: string, path: string, options?: VisitOptions): Promise<Answer>;
}

export const instance = (): string => randomBytes(16).toString('hex');
export const hashOf = (secret: string): string => createHash('sha256').update(secret).digest('hex');

/** Ended and removed with the test. */
export async function bastionWorld(
  t: TestContext,
  change: Partial<BastionConfig> = {},
  log: Log = NO_LOG,
): Promise<BastionWorld> {
  const folder = mkdtempSync(join(tmpdir(), 'postern-'));
  const state = join(folder, 'state');
  const bastion = await startBastion({ ...config(state), ...change }, { log });
  t.after(async () => {
    await bastion.destroy();
    rmSync(folder, { recursive: true });
  });
  // Of files, the authority comes last.
  const ca = bastion.authority ?? readFileSync(change.tls?.certificate ?? '', 'utf8');
  const token = (more: Partial<TokenRequest> = {}): Promise<string> =>
    createToken(loadTokenKey(state), { owner: 'alice', names: ['*'], use: 'agent', ttlMs: 3_600_000, ...more });
  return {
    bastion,
    ca,
    state,
    token,
    agent: (credential, more, onStream) => dialAgent({ bastion, ca }, credential, more, onStream),
    visit: (host, path, options = {}) => visit({ bastion, ca }, host, path, options),
  };
}

function config(stateDirectory: string): BastionConfig {
  return {
    domain: DOMAIN,
    listen: { host: '127.0.0.1', port: 0 },
    stateDirectory,
    admin: { host: '127.0.0.1', port: 0 },
    drainTimeoutMs: 10_000,
    resumeMs: 60_000,
    expectMs: 0,
    pausePatienceMs: 10_000,
    visitorSessionMs: 3_600_000,
    certificateMs: 3_600_000,
    limits: LIMITS,
    tunnelLimits: TUNNEL_LIMITS,
    sessions: { longestWindow: 16 * 2 ** 20, floodFrames: 500 },
    sessionCredit: 64 * 2 ** 20,
    totalCredit: 512 * 2 ** 20,
    handshakes: { inFlight: 100, perSecond: 1000, burst: 1000 },
    namesPerOwner: 20,
    signInAttempts: 30,
    credentialAttempts: 600,
    apiRate: { perSecond: 20, burst: 200 },
    linkAttempts: 5,
    https: {},
  };
}

type Reached = Pick<BastionWorld, 'bastion' | 'ca'>;

async function dialAgent(
  { bastion, ca }: Reached,
  credential: string,
  change: Partial<Registration> = {},
  onStream: (stream: Stream) => void = () => {},
): Promise<TestAgent> {
  const registration: Registration = {
    agent: 'test/0',
    instance: instance(),
    slot: 0,
    names: ['demo'],
    access: 'private',
    services: [{ name: 'web', authorization: 'token notebook-secret' }],
    links: [],
    features: [],
    limits: LIMITS,
    ...change,
  };
  const headers: Record<string, string> = { [REGISTRATION_HEADER]: encodeHeader(registration) };
  if (credential !== '') headers['authorization'] = `Bearer ${credential}`;
  const { link, headers: answered } = await dialLink({
    url: `wss://${DOMAIN}:${bastion.port}${TUNNEL_PATH}`,
    headers,
    ca,
    lookup,
    timeoutMs: 10_000,
    signal: new AbortController().signal,
    zeroMask: true,
    maxMessage: LIMITS.message,
  });
  const acceptance = decodeAcceptance(String(answered[ACCEPTANCE_HEADER]));
  const [infos, goAways, streams]: [Info[], GoAway[], Stream[]] = [[], [], []];
  const session = new Session(link, {
    role: 'agent',
    own: LIMITS,
    peer: acceptance.limits,
    onInfo: (info) => infos.push(info),
    onGoAway: (goAway) => goAways.push(goAway),
    onStream: (stream) => {
      streams.push(stream);
      stream.on('error', () => {});
      onStream(stream);
    },
  });
  return { session, acceptance, infos, goAways, streams };
}

function visit(
  { bastion, ca }: Reached,
  host: string,
  path: string,
  { method = 'GET', headers = {}, body, agent }: VisitOptions,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(
      { host, port: bastion.port, path, method, headers, ca, lookup, agent: agent ?? false },
      (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => (text += chunk));
        response.on('error', reject);
        response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }));
      },
    );
    sent.on('error', reject);
    sent.end(body);
  });
}

/** Resolves once the condition holds, looking every other millisecond; rejects when that takes too long. */
export async function eventually(condition: () => boolean, what: string, withinMs = 10_000): Promise<void> {
  const end = performance.now() + withinMs;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`never came true: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

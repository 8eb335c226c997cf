// The bastion put together: the only place that chooses implementations and knows all of its parts.

import { X509Certificate } from 'node:crypto';

import type { Log } from '../shared/program/log.ts';
import { VERSION } from '../shared/program/version.ts';
import { openAccessLog } from './access-log.ts';
import type { AccessLog } from './access-log.ts';
import { openAdminPort } from './admin-port.ts';
import type { AdminPort } from './admin-port.ts';
import { AuditLog } from './audit-log.ts';
import { NO_AUDIT } from './audit.ts';
import type { Audit } from './audit.ts';
import { auditedGate } from './auth/audited-gate.ts';
import { ensureSecretDirectory } from './auth/secret-files.ts';
import { SIGN_IN_LABEL, SignInDesk } from './auth/sign-in-desk.ts';
import type { BastionConfig, BastionDeps } from './config.ts';
import { openAuth } from './credentials.ts';
import type { Auth } from './credentials.ts';
import { Api } from './front/api.ts';
import type { VisitorPages } from './credentials.ts';
import { startFront } from './front/front.ts';
import type { Front, FrontOptions } from './front/front.ts';
import { SIGN_IN_PATH, signInAddress } from './front/sign-in-address.ts';
import { SignInHost } from './front/sign-in.ts';
import { createMetrics } from './metrics.ts';
import { listTunnels } from './tunnel-list.ts';
import type { Metrics } from './metrics.ts';
import { storePath } from './store/records.ts';
import { openSqliteStore } from './store/sqlite.ts';
import type { Store } from './store/store.ts';
import { openCustomCa } from './tls/custom-ca.ts';
import { openTlsFiles } from './tls/files.ts';
import type { TlsSource } from './tls/tls-source.ts';
import { Admission } from './tunnels/admission.ts';
import { Certificates } from './tunnels/certificates.ts';
import { Directory } from './tunnels/directory.ts';
import { Endpoint } from './tunnels/endpoint.ts';
import { Ownership } from './tunnels/ownership.ts';

export interface Bastion {
  readonly port: number;
  readonly adminPort: number | undefined;
  /** The CA that visitors and agents must trust, in PEM; undefined when the certificate comes from files. */
  readonly authority: string | undefined;
  /** Reads certificates and the rules for issuers again, and opens the access and audit logs anew. */
  reload(): void;
  /** Not ready, GOAWAY to agents, exchanges finish within the drain timeout, then the rest is reset. Idempotent. */
  close(): Promise<void>;
  /** Ends everything now. Idempotent. */
  destroy(): Promise<void>;
}

interface State {
  ready: boolean;
  /** Once there is one. */
  front?: Front;
  /** The port listened on, once it is known. */
  port: number;
}

/** The parts that live as long as the bastion, in the order in which they were made. */
interface Parts {
  readonly store: Store;
  readonly tls: TlsSource & { reload?(): void };
  readonly accessLog: AccessLog;
  readonly audit: AuditLog | undefined;
  readonly endpoint: Endpoint;
  readonly metrics: Metrics;
  readonly front: Front;
  readonly admin: AdminPort | undefined;
  readonly reloadIssuers: () => void;
}

const DAY_MS = 86_400_000;

/** Rejects with PosternError: state-unusable, ca-invalid, certificate-invalid, options-invalid (an address in use). */
export async function startBastion(config: BastionConfig, deps: BastionDeps): Promise<Bastion> {
  const state: State = { ready: false, port: 0 };
  const parts = await assemble(config, deps, state);
  state.ready = true;
  let ended: Promise<void> | undefined;
  const endRest = async (): Promise<void> => {
    parts.tls.close();
    await parts.admin?.close();
    await parts.accessLog.close();
    parts.store.close();
    parts.audit?.record({ event: 'bastion-stopped', domain: config.domain, release: VERSION });
    parts.audit?.close();
  };
  let closing: Promise<void> | undefined;
  return {
    port: parts.front.port,
    get adminPort() {
      return parts.admin?.port;
    },
    authority: parts.tls.authority,
    reload: () => {
      parts.tls.reload?.();
      parts.reloadIssuers();
      parts.accessLog.reopen();
      parts.audit?.reopen();
    },
    close: () => {
      state.ready = false;
      closing ??= drain(parts, config.drainTimeoutMs).then(() => (ended ??= endRest()));
      return closing;
    },
    destroy: () => {
      state.ready = false;
      parts.endpoint.destroy();
      parts.front.destroy();
      return (ended ??= endRest());
    },
  };
}

/** Agents are sent away once no visitor can begin anything here any more; what runs through their links goes on meanwhile. */
async function drain({ endpoint, front }: Parts, drainTimeoutMs: number): Promise<void> {
  const end = performance.now() + drainTimeoutMs;
  const settled = Promise.withResolvers<void>();
  endpoint.refuseAgents();
  const visitors = front.close(drainTimeoutMs, () => settled.resolve());
  await settled.promise;
  await Promise.all([endpoint.close(Math.max(0, end - performance.now())), visitors]);
}

async function assemble(config: BastionConfig, deps: BastionDeps, state: State): Promise<Parts> {
  ensureSecretDirectory(config.stateDirectory);
  const tls = openTls(config, deps.log);
  const store = openStore(config, deps);
  const accessLog = openAccessLog(config.accessLog, deps.log);
  const auditLog = openAudit(config, deps);
  const audit = auditLog ?? NO_AUDIT;
  const undo = [() => tls.close(), () => store.close(), () => void accessLog.close(), () => auditLog?.close()];
  try {
    const auth = openAuth(config, deps, { store, audit });
    const { gate, visitors, access, revocations, reloadIssuers } = auth;
    revocations.watch(() => state.front?.recheck());
    access.watch(() => state.front?.recheck());
    const { directory, endpoint, metrics, api } = openTunnels(config, deps, { audit, auth, state, store, tls });
    const front = await startFront(config.listen, {
      domain: config.domain,
      tls,
      directory,
      gate: auditedGate(gate, audit, deps.now),
      access,
      api,
      ...visitorPages(config, visitors, { directory, state }),
      limits: config.https,
      log: deps.log,
      onExchange: (record) => {
        metrics.exchange(record);
        accessLog.write(record);
      },
      tunnelUpgrade: (...upgrade) => endpoint.upgrade(...upgrade),
      behind: config.behind,
    });
    state.port = front.port;
    state.front = front;
    undo.push(() => front.destroy());
    const admin = await openAdmin(config, { metrics, directory, state }, deps.log);
    audit.record({ event: 'bastion-started', domain: config.domain, release: VERSION });
    return { tls, store, accessLog, audit: auditLog, endpoint, metrics, front, admin, reloadIssuers };
  } catch (error) {
    for (const step of undo.toReversed()) step();
    throw error;
  }
}

/** Signing in, where the site has named providers, and passes between hosts of ours. */
function visitorPages(
  config: BastionConfig,
  { keys, sessions, passes, providers, attempts }: VisitorPages,
  { directory, state }: { directory: Directory; state: State },
): Pick<FrontOptions, 'passes' | 'signIn'> {
  if (providers.length === 0) return { passes: { passes, sessions } };
  const host = (): string => urlOf(SIGN_IN_LABEL, config.domain, config.publicPort ?? state.port);
  const here = (path: string): string => host() + path.slice(1);
  const desk = new SignInDesk({ providers, keys, sessions, urlOf: here });
  const ownerOf = (name: string): string | undefined => directory.find(name)?.identity.owner;
  return {
    passes: { passes, sessions, signIn: signInAddress(() => here(SIGN_IN_PATH)) },
    signIn: new SignInHost({ desk, passes, attempts, domain: config.domain, ownerOf }),
  };
}

/** What the endpoint and the metrics look at. */
interface Opened extends Pick<Parts, 'tls' | 'store'> {
  readonly audit: Audit;
  readonly auth: Auth;
  readonly state: State;
}

function openApi(
  { apiRate: rate }: BastionConfig,
  { now }: BastionDeps,
  {
    audit,
    auth,
    directory,
    ownership,
  }: Pick<Opened, 'audit' | 'auth'> & { directory: Directory; ownership: Ownership },
): Api {
  const { authenticator, credentialAttempts: attempts, book } = auth;
  const isConnected = (name: string): boolean => directory.find(name) !== undefined;
  const options = { authenticator, attempts, book, ownership, audit, rate, isConnected };
  return new Api(now === undefined ? options : { ...options, now });
}

function openTunnels(
  config: BastionConfig,
  deps: BastionDeps,
  { audit, auth, state, store, tls }: Opened,
): Pick<Parts, 'endpoint' | 'metrics'> & { directory: Directory; api: Api } {
  const { authenticator, credentialAttempts: attempts, revocations } = auth;
  const ownership = new Ownership({ ...deps, store, namesPerOwner: config.namesPerOwner });
  const directory = new Directory({
    ...deps,
    expectMs: config.expectMs,
    isAwaited: (name) => ownership.isAwaited(name),
  });
  const admission = new Admission(config.handshakes);
  const metrics: Metrics = createMetrics({
    tunnels: directory.tunnels,
    handshakes: () => admission.inFlight,
    grantedBytes: () => endpoint.grantedBytes,
    upgrades: () => state.front?.upgrades ?? 0,
    passthroughs: () => state.front?.passthroughs ?? 0,
    certificateExpiresAt: () => Date.parse(new X509Certificate(tls.material().cert).validTo),
  });
  const endpoint: Endpoint = new Endpoint({
    ...deps,
    bastion: `postern-bastion/${VERSION}`,
    authenticator,
    attempts,
    directory,
    store,
    ownership,
    revocations,
    audit,
    admission,
    ...tunnelNumbers(config),
    endToEnd: openEndToEnd(config, deps, tls),
    urlOf: (label) => urlOf(label, config.domain, config.publicPort ?? state.port),
    onHandshake: (result) => metrics.handshake(result),
    onSessionEnd: (session, reason) => metrics.sessionEnded(session, reason),
    onPause: () => metrics.paused(),
    onImpatience: (tunnels) => state.front?.giveUpWaiting(tunnels, config.pausePatienceMs),
  });
  const api = openApi(config, deps, { audit, auth, directory, ownership });
  return { directory, endpoint, metrics, api };
}

/** What the configuration says of tunnels in numbers. */
function tunnelNumbers(config: BastionConfig) {
  const { limits, tunnelLimits, sessions, sessionCredit, totalCredit, resumeMs, pausePatienceMs, drainTimeoutMs } =
    config;
  const graceMs = drainTimeoutMs;
  return { limits, tunnelLimits, sessions, sessionCredit, totalCredit, resumeMs, pausePatienceMs, graceMs };
}

function openEndToEnd({ domain, certificateMs }: BastionConfig, { log, now = Date.now }: BastionDeps, tls: TlsSource) {
  const { certify } = tls;
  if (certify === undefined) return { domain, certificates: undefined };
  return { domain, certificates: new Certificates({ certify, domain, lifetimeMs: certificateMs, log, now }) };
}

/** What expired a while ago is removed when the bastion starts; the rest does no harm meanwhile. */
function openStore({ stateDirectory }: BastionConfig, { now = Date.now, clock }: BastionDeps): Store {
  const store = openSqliteStore(storePath(stateDirectory), clock);
  store.sweep(now() - DAY_MS);
  return store;
}

function openAudit({ auditLog }: BastionConfig, { log, now }: BastionDeps): AuditLog | undefined {
  return auditLog === undefined ? undefined : new AuditLog({ ...auditLog, log, ...(now === undefined ? {} : { now }) });
}

function openTls({ tls, stateDirectory, domain }: BastionConfig, log: Log): Parts['tls'] {
  return tls === undefined ? openCustomCa({ directory: stateDirectory, domain, log }) : openTlsFiles({ ...tls, log });
}

async function openAdmin(
  config: BastionConfig,
  { metrics, directory, state }: Pick<Parts, 'metrics'> & { directory: Directory; state: State },
  log: Log,
): Promise<AdminPort | undefined> {
  if (config.admin === undefined) return undefined;
  const json = { '/tunnels': () => ({ tunnels: listTunnels(directory.tunnels) }) };
  const options = { ...config.admin, metrics: () => metrics.text(), ready: () => state.ready, json };
  return openAdminPort(options, { mayWait: 'fd' in config.listen, log });
}

function urlOf(label: string, domain: string, port: number): string {
  return `https://${label}.${domain}${port === 443 ? '' : `:${port}`}/`;
}

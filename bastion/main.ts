#!/usr/bin/env node
// postern-bastion: the public daemon, and the commands that make what it and its users need.

import { userInfo } from 'node:os';
import { join } from 'node:path';

import { describeAuthority } from '../certs/describe.ts';
import { authorityPath, loadAuthority } from '../certs/store.ts';
import type { Authority } from '../certs/authority.ts';
import { PosternError } from '../shared/errors.ts';
import { formatAddress, parseAddress, parseListen } from '../shared/net/listen.ts';
import type { ListenTarget } from '../shared/net/listen.ts';
import { inheritedSocket } from '../shared/program/inherited.ts';
import { createLog } from '../shared/program/log.ts';
import { parseOptions } from '../shared/program/options.ts';
import { runProgram } from '../shared/program/run.ts';
import type { ProgramContext } from '../shared/program/run.ts';
import { onReload, onShutdown } from '../shared/program/shutdown.ts';
import { AuditLog } from './audit-log.ts';
import { NO_AUDIT } from './audit.ts';
import type { Audit } from './audit.ts';
import { Revocations } from './auth/revocations.ts';
import { checkSecretDirectory, ensureSecretDirectory } from './auth/secret-files.ts';
import { TokenBook } from './auth/token-book.ts';
import type { TokenRequest } from './auth/token-book.ts';
import { loadTokenKey, signToken } from './auth/token.ts';
import { startBastion } from './bastion.ts';
import type { Bastion } from './bastion.ts';
import type { BastionConfig } from './config.ts';
import type { HttpsLimits } from './front/https.ts';
import { openRedirectPort } from './front/redirect.ts';
import type { RedirectPort } from './front/redirect.ts';
import { BASTION_PROGRAM } from './options.ts';
import type { ServeValues } from './options.ts';
import { runNameCommand, runTokenCommand } from './owner-commands.ts';
import type { NameCommand, TokenCommand } from './owner-commands.ts';
import { openSqliteStore } from './store/sqlite.ts';
import { storePath } from './store/records.ts';
import type { Store } from './store/store.ts';
import { Ownership } from './tunnels/ownership.ts';

/** Resolves to the exit code. */
export async function main(context: ProgramContext): Promise<number> {
  const parsed = parseOptions(BASTION_PROGRAM, context);
  const { command, values } = parsed;
  switch (command) {
    case 'serve':
      await serve(values, context);
      break;
    case 'token create':
      // The first token may be made before the bastion has ever run.
      ensureSecretDirectory(values.state);
      context.stdout.write(await onTokens(parsed, context));
      break;
    case 'token list':
    case 'token revoke':
      context.stdout.write(await onTokens(parsed, context));
      break;
    case 'ca show':
      context.stdout.write(describeAuthority(authorityIn(values.state), authorityPath(values.state)));
      break;
    case 'ca export':
      context.stdout.write(authorityIn(values.state).certificate);
      break;
    default:
      context.stdout.write(await onNames(parsed, context));
  }
  return 0;
}

async function serve(values: ServeValues, { env, stdout, stderr }: ProgramContext): Promise<void> {
  const pretty = values.logFormat === 'auto' ? undefined : values.logFormat === 'pretty';
  const log = createLog({ name: 'postern-bastion', level: values.logLevel, pretty, stream: stderr });
  const inherited = inheritedSocket(env, process.pid);
  const target = inherited === undefined ? parseListen(values.listen) : { fd: inherited };
  const bastion = await startBastion(configOf(values, target), { log });
  const redirect = await redirectTo(bastion, values);
  const listen = whereOf(target, bastion.port);
  const ca = bastion.authority === undefined ? undefined : authorityPath(values.state);
  log.info({ domain: values.domain, listen, adminPort: bastion.adminPort, ca }, `serving on ${listen}`);
  if (stdout.isTTY) stdout.write(welcome(values, bastion, listen));
  const stopReloading = onReload(() => bastion.reload());
  const shutdown = onShutdown({
    graceful: (signal) => {
      redirect?.close();
      log.info({ signal, seconds: values.drainTimeout / 1000 }, 'stopping: running exchanges may finish');
      return bastion.close();
    },
    now: (signal) => {
      redirect?.close();
      log.warn({ signal }, 'stopping at once');
      void bastion.destroy();
    },
  });
  await shutdown.done;
  stopReloading();
  shutdown.dispose();
  log.info({}, 'stopped');
}

async function redirectTo(bastion: Bastion, values: ServeValues): Promise<RedirectPort | undefined> {
  if (values.redirectListen === undefined) return undefined;
  const port = values.publicPort ?? bastion.port;
  try {
    return await openRedirectPort(parseListen(values.redirectListen), { domain: values.domain, port: () => port });
  } catch (error) {
    await bastion.destroy();
    throw error;
  }
}

function whereOf(target: ListenTarget, port: number): string {
  return 'fd' in target ? `descriptor ${target.fd}, port ${port}` : formatAddress({ ...target, port });
}

function configOf(values: ServeValues, listen: ListenTarget): BastionConfig {
  const { tlsCert, tlsKey } = values;
  return {
    domain: values.domain,
    listen,
    stateDirectory: values.state,
    publicPort: values.publicPort,
    tls: tlsCert === undefined || tlsKey === undefined ? undefined : { certificate: tlsCert, key: tlsKey },
    admin: values.admin === undefined ? undefined : parseAddress(values.admin),
    issuers: values.issuers,
    auditLog: auditOptions(values),
    accessLog: values.accessLog,
    drainTimeoutMs: values.drainTimeout,
    visitorSessionMs: values.visitorSession,
    certificateMs: values.certificateLifetime,
    resumeMs: values.resumeGrace,
    expectMs: values.startPatience,
    pausePatienceMs: values.pausePatience,
    limits: { credit: values.streamCredit, streams: values.streams, message: values.message },
    tunnelLimits: {
      streams: values.streams,
      opens: { perSecond: values.streamRate, burst: values.streamBurst },
      links: values.linksPerTunnel,
      names: values.namesPerTunnel,
      tunnels: values.tunnelsPerOwner,
    },
    sessions: { longestWindow: values.streamWindow, floodFrames: values.controlFrames },
    sessionCredit: values.sessionCredit,
    totalCredit: values.totalCredit,
    handshakes: { inFlight: values.handshakes, perSecond: values.handshakeRate, burst: values.handshakeBurst },
    namesPerOwner: values.namesPerOwner,
    credentialAttempts: values.credentialAttempts,
    apiRate: { perSecond: values.apiRate, burst: 10 * values.apiRate },
    linkAttempts: values.linkAttempts,
    signInFile: values.signInFile,
    signInAttempts: values.signInAttempts,
    https: httpsOf(values),
    behind: {
      balancers: values.proxyProtocolFrom,
      proxies: values.trustedProxy,
      header: values.trustedProxyHeader,
    },
  };
}

function httpsOf(values: ServeValues): HttpsLimits {
  return {
    maxConnections: values.connections,
    helloTimeoutMs: values.helloTimeout,
    helloBytes: values.helloBytes,
    maxHeaderBytes: values.headerBytes,
    headersTimeoutMs: values.headerTimeout,
    keepAliveMs: values.keepAlive,
    uploadIdleMs: values.uploadIdle,
    http2: {
      streams: values.h2Streams,
      window: values.h2Window,
      memory: values.h2Memory,
      resets: { burst: values.h2Resets, perSecond: values.h2ResetRate },
      controls: { burst: values.h2Controls, perSecond: values.h2ControlRate },
      invalidFrames: values.h2InvalidFrames,
    },
  };
}

function auditOptions(values: ServeValues): BastionConfig['auditLog'] {
  const path = auditPath(values);
  return path === undefined ? undefined : { path, rotateBytes: values.auditRotate, keep: values.auditKeep };
}

/** What somebody who started it by hand wants to know. */
function welcome(values: ServeValues, bastion: Bastion, listen: string): string {
  const port = values.publicPort ?? bastion.port;
  const suffix = port === 443 ? '' : `:${port}`;
  const lines = [
    '',
    `  notebooks   https://NAME.${values.domain}${suffix}/`,
    `  agents      postern-agent run --bastion https://${values.domain}${suffix} ...`,
    `  listening   ${listen}`,
  ];
  if (bastion.adminPort !== undefined) lines.push(`  admin       http://127.0.0.1:${bastion.adminPort}/metrics`);
  if (bastion.authority !== undefined)
    lines.push(
      `  CA          ${authorityPath(values.state)}`,
      `              how to trust it: postern-bastion ca show --state ${values.state}`,
    );
  return `${lines.join('\n')}\n\n`;
}

function onTokens(parsed: TokenCommand, context: ProgramContext): Promise<string> {
  const { state } = parsed.values;
  return withStore(state, (store) => {
    const sign = (request: TokenRequest) => signToken(loadTokenKey(state), request);
    const options = { store, revocations: new Revocations(store), sign, audit: auditOf(parsed.values, context) };
    return runTokenCommand(parsed, new TokenBook(options), administrator(context));
  });
}

function onNames(parsed: NameCommand, context: ProgramContext): Promise<string> {
  return withStore(parsed.values.state, (store) =>
    runNameCommand(parsed, {
      ownership: new Ownership({ store, namesPerOwner: Infinity }),
      audit: auditOf(parsed.values, context),
      by: administrator(context),
    }),
  );
}

/** The same file that a running bastion writes to; putting it aside is left to that one. */
function auditOf(values: { state: string; auditLog?: string | undefined }, { stderr }: ProgramContext): Audit {
  const path = auditPath(values);
  const log = createLog({ name: 'postern-bastion', level: 'info', pretty: undefined, stream: stderr });
  return path === undefined ? NO_AUDIT : new AuditLog({ path, rotateBytes: Infinity, keep: Infinity, log });
}

function auditPath({ state, auditLog }: { state: string; auditLog?: string | undefined }): string | undefined {
  return auditLog === 'none' ? undefined : (auditLog ?? join(state, 'audit.log'));
}

/** Who runs the command, as the system and sudo tell. */
function administrator({ env }: ProgramContext): string {
  return `command line (${env['SUDO_USER'] ?? userName()})`;
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // A container may have no name for its user.
    return `uid ${process.getuid?.()}`;
  }
}

/** The state directory must be there: a mistyped one must not look like one without names. */
async function withStore<T>(state: string, work: (store: Store) => T | Promise<T>): Promise<T> {
  const store = openSqliteStore(storePath(checkSecretDirectory(state)));
  try {
    return await work(store);
  } finally {
    store.close();
  }
}

function authorityIn(state: string): Authority {
  const authority = loadAuthority(state);
  if (authority === undefined) throw new PosternError('ca-invalid', `there is no CA in ${state}`);
  return authority;
}

// Undefined where Node.js is too old, which runProgram says.
if ((import.meta.main as boolean | undefined) !== false) runProgram(main);

// The HTTPS server in front: TLS by server name, HTTP/1.1 behind it, and the limits of both.

import { createServer, type Server } from 'node:https';

import type { Log } from '../../shared/program/log.ts';
import type { TlsSource } from '../tls/tls-source.ts';
import { isUpgrade } from './upgrade.ts';

/** Limits of the public listener; every one has a default. */
export interface HttpsLimits {
  /** Bytes of a request's head. */
  readonly maxHeaderBytes?: number;
  /** Milliseconds from the first byte of a head to its last. */
  readonly headersTimeoutMs?: number;
  /** Milliseconds that an idle connection is kept. */
  readonly keepAliveMs?: number;
  /** Milliseconds for the TLS handshake. */
  readonly handshakeTimeoutMs?: number;
  /** Connections at once. */
  readonly maxConnections?: number;
}

/** Dead visitors are found by the kernel: no timeout of ours can tell them from a long poll. */
const KEEP_ALIVE_PROBE_MS = 30_000;

const MIN_VERSION = 'TLSv1.2';

export function createHttps(tls: TlsSource, limits: HttpsLimits, log: Log): Server {
  const headersTimeout = limits.headersTimeoutMs ?? 15_000;
  const server = createServer({
    ALPNProtocols: ['http/1.1'],
    minVersion: MIN_VERSION,
    SNICallback: (serverName, answer) => {
      // Something thrown here would end the process (CVE-2026-21637).
      try {
        answer(null, tls.context(serverName.toLowerCase()));
      } catch (error) {
        log.error({ err: error, serverName }, 'no certificate for a server name');
        answer(error instanceof Error ? error : new Error(String(error)));
      }
    },
    handshakeTimeout: limits.handshakeTimeoutMs ?? 10_000,
    maxHeaderSize: limits.maxHeaderBytes ?? 32 * 1024,
    headersTimeout,
    // A day-long upload is normal: there is no timeout on a request as a whole.
    requestTimeout: 0,
    keepAliveTimeout: limits.keepAliveMs ?? 75_000,
    connectionsCheckingInterval: Math.min(5000, headersTimeout / 2),
    keepAlive: true,
    keepAliveInitialDelay: KEEP_ALIVE_PROBE_MS,
    noDelay: true,
    allowHalfOpen: true,
    // Both are answered with codes of ours.
    requireHostHeader: false,
    rejectNonStandardBodyWrites: false,
    shouldUpgradeCallback: isUpgrade,
  });
  // Node would drop the fields beyond its limit in silence.
  server.maxHeadersCount = 0;
  if (limits.maxConnections !== undefined) server.maxConnections = limits.maxConnections;
  // Without SNI (a health check by address, an old script) Node asks no callback: it needs a certificate of its own.
  const standard = (): void => server.setSecureContext({ ...tls.material(), minVersion: MIN_VERSION });
  standard();
  tls.onChanged(standard);
  server.on('tlsClientError', (error) => log.debug({ err: error }, 'a TLS handshake failed'));
  return server;
}

// The HTTPS server in front, which is handed its connections: TLS by server name, HTTP/1.1 or HTTP/2 behind it as agreed by
// ALPN, and the limits of both.

import { createServer, type Server } from 'node:https';
import type { TLSSocket } from 'node:tls';

import type { Log } from '../../shared/program/log.ts';
import type { TlsSource } from '../tls/tls-source.ts';
import type { Household } from './household.ts';
import { http2Settings, type Http2Limits, type Http2Settings } from './http2-settings.ts';
import { isUpgrade } from './upgrade.ts';

/** Limits of the public listener; every one has a default. */
export interface HttpsLimits {
  /** Bytes of a request's head. */
  readonly maxHeaderBytes?: number;
  /** Milliseconds from the first byte of a head to its last. */
  readonly headersTimeoutMs?: number;
  /** Milliseconds that an idle connection is kept. */
  readonly keepAliveMs?: number;
  /** Milliseconds for which a visitor may send nothing of a request's body. */
  readonly uploadIdleMs?: number;
  /** Milliseconds for the TLS handshake. */
  readonly handshakeTimeoutMs?: number;
  /** Connections at once. */
  readonly maxConnections?: number;
  /** Milliseconds for everything that is read before TLS, the ClientHello included. */
  readonly helloTimeoutMs?: number;
  /** Bytes of unfinished ClientHellos that are held for all connections together. */
  readonly helloBytes?: number;
  readonly http2?: Http2Limits;
}

const MAX_HEADER_BYTES = 32 * 1024;
const HEADERS_TIMEOUT_MS = 15_000;
const KEEP_ALIVE_MS = 75_000;
const MIN_VERSION = 'TLSv1.2';

export function createHttps(tls: TlsSource, limits: HttpsLimits, log: Log): Server {
  const headersTimeout = limits.headersTimeoutMs ?? HEADERS_TIMEOUT_MS;
  const server = createServer({
    ALPNProtocols: ['h2', 'http/1.1'],
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
    maxHeaderSize: limits.maxHeaderBytes ?? MAX_HEADER_BYTES,
    headersTimeout,
    // A day-long upload is normal: there is no timeout on a request as a whole.
    requestTimeout: 0,
    keepAliveTimeout: limits.keepAliveMs ?? KEEP_ALIVE_MS,
    connectionsCheckingInterval: Math.min(5000, headersTimeout / 2),
    allowHalfOpen: true,
    // Both are answered with codes of ours.
    requireHostHeader: false,
    rejectNonStandardBodyWrites: false,
    shouldUpgradeCallback: isUpgrade,
  });
  // Node would drop the fields beyond its limit in silence.
  server.maxHeadersCount = 0;
  // Without SNI (a health check by address, an old script) Node asks no callback: it needs a certificate of its own.
  const standard = (): void => server.setSecureContext({ ...tls.material(), minVersion: MIN_VERSION });
  standard();
  tls.onChanged(standard);
  server.on('tlsClientError', (error) => log.debug({ err: error }, 'a TLS handshake failed'));
  return server;
}

/** Where connections go after their TLS handshake. */
export interface Arrivals {
  readonly household: Household;
  http1(socket: TLSSocket): void;
  http2(socket: TLSSocket): void;
}

/**
 * Leads each connection to the protocol that it agreed on, and counts those under way, so that a closing front knows of
 * them before they have asked anything. The listener that Node's server made for HTTP/1.1 gets only what is for it.
 */
export function receiveConnections(server: Server, { household, http1, http2 }: Arrivals): void {
  const ours = server.listeners('secureConnection') as ((this: Server, socket: TLSSocket) => void)[];
  server.removeAllListeners('secureConnection');
  server.on('connection', () => (household.arriving += 1));
  server.on('tlsClientError', () => (household.arriving -= 1));
  server.on('secureConnection', (socket: TLSSocket) => {
    household.arriving -= 1;
    if (socket.alpnProtocol === 'h2') return http2(socket);
    for (const listener of ours) listener.call(server, socket);
    http1(socket);
  });
}

/** The limits of HTTP/2 connections behind this listener. */
export function http2SettingsOf(limits: HttpsLimits): Http2Settings {
  return http2Settings(limits.http2 ?? {}, {
    maxHeaderBytes: limits.maxHeaderBytes ?? MAX_HEADER_BYTES,
    headersTimeoutMs: limits.headersTimeoutMs ?? HEADERS_TIMEOUT_MS,
    keepAliveMs: limits.keepAliveMs ?? KEEP_ALIVE_MS,
  });
}

// The front: where visitors arrive. Listens, serves, and ends without cutting what can still finish.

import type { Server } from 'node:https';
import { Server as NetServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

import { listenOn, type ListenTarget } from '../../shared/net/listen.ts';
import type { Log } from '../../shared/program/log.ts';
import type { TlsSource } from '../tls/tls-source.ts';
import type { ExchangeRecord } from './exchange-record.ts';
import { normalDomain } from './hostname.ts';
import type { Household, VisitorConnection } from './household.ts';
import { connectionOf, serveHttp1 } from './http1.ts';
import { serveHttp2 } from './http2.ts';
import { createHttps, http2SettingsOf, receiveConnections, type HttpsLimits } from './https.ts';
import { Reception, type ReceptionOptions, type VisitedTunnel } from './reception.ts';
import { serveUpgrades, type TunnelUpgrade } from './upgrade.ts';

export type { ExchangeRecord };

export interface FrontOptions extends ReceptionOptions {
  readonly tls: TlsSource;
  readonly limits?: HttpsLimits;
  readonly log: Log;
  onExchange(record: ExchangeRecord): void;
  /** GET on the apex host's tunnel path; the socket is the callee's from then on, also when the front closes. */
  tunnelUpgrade: TunnelUpgrade;
}

export interface Front {
  readonly port: number;
  /**
   * Takes no new connections, lets running exchanges finish for so many milliseconds, then ends the rest. `settled` is
   * called as soon as no connection is left on which a visitor could begin another exchange. Idempotent.
   */
  close(deadlineMs: number, settled?: () => void): Promise<void>;
  /** A link of each of these tunnels has been lost for so many milliseconds: who has waited as long over it for the beginning of an answer is told. */
  giveUpWaiting(tunnels: ReadonlySet<VisitedTunnel>, waitedMs: number): void;
  /** Somebody's right to be here may have ended: asks again for every visit under way. Also done every second. */
  recheck(): void;
  /** Visits that speak another protocol than HTTP now. */
  readonly upgrades: number;
  /** Ends everything now. Idempotent. */
  destroy(): void;
}

/** How long connections without an exchange are still served: a request may be on its way, and closing would lose it. */
const LINGER_MS = 1000;
const LOOK_EVERY_MS = 20;
/** How often it is asked again whether those who are here may be. */
const RECHECK_MS = 1000;

/** Rejects with PosternError `options-invalid` when it can't listen there. */
export async function startFront(listener: ListenTarget, options: FrontOptions): Promise<Front> {
  const { tls, limits = {}, log } = options;
  const server = createHttps(tls, limits, log);
  const household = new FrontDesk(options);
  const settings = http2SettingsOf(limits);
  const sameCertificate = (serverName: string | undefined, hostname: string): boolean =>
    tls.context(serverName) === tls.context(hostname);
  receiveConnections(server, {
    household,
    http1: (socket) => connectionOf(socket, household),
    http2: (socket) => serveHttp2(socket, { household, settings, log, sameCertificate }),
  });
  serveHttp1(server, household);
  serveUpgrades(server, household, (request, socket, head) => options.tunnelUpgrade(request, socket, head));
  const port = await listenOn(server, listener);
  const recheck = (): void => household.reception.recheck();
  const timer = setInterval(recheck, RECHECK_MS).unref();
  server.once('close', () => clearInterval(timer));
  return {
    port,
    recheck,
    close: (deadlineMs, settled) => household.close(server, deadlineMs, settled),
    destroy: () => household.destroy(server),
    giveUpWaiting: (tunnels, waitedMs) => {
      for (const connection of household.connections) connection.giveUpWaiting(tunnels, waitedMs);
    },
    get upgrades() {
      return [...household.connections].reduce((sum, { upgrades }) => sum + upgrades, 0);
    },
  };
}

class FrontDesk implements Household {
  readonly reception: Reception;
  readonly connections = new Set<VisitorConnection>();
  draining = false;
  arriving = 0;
  readonly #options: FrontOptions;
  #closing: Promise<void> | undefined;

  constructor(options: FrontOptions) {
    this.#options = options;
    this.reception = new Reception({ ...options, domain: normalDomain(options.domain) });
  }

  onRecord(record: ExchangeRecord): void {
    this.#options.onExchange(record);
  }

  close(server: Server, deadlineMs: number, settled?: () => void): Promise<void> {
    this.#closing ??= this.#drain(server, deadlineMs, settled);
    return this.#closing;
  }

  destroy(server: Server): void {
    this.draining = true;
    server.close();
    server.closeAllConnections();
    for (const connection of this.connections) connection.destroy();
  }

  async #drain(server: Server, deadlineMs: number, settled: () => void = () => {}): Promise<void> {
    this.draining = true;
    // The HTTP server's own close would destroy idle connections at once. An inherited socket stays open for others.
    NetServer.prototype.close.call(server);
    for (const connection of this.connections) connection.announceLeaving();
    const deadline = Promise.withResolvers<void>();
    const timer = setTimeout(deadline.resolve, deadlineMs);
    await this.#linger(Math.min(LINGER_MS, deadlineMs));
    // Not the server's 'close' is awaited, which would wait for the tunnels' sockets too: they end with their tunnels.
    const ended = [...this.connections].map((connection) => connection.ended);
    for (const connection of this.connections) connection.leave();
    settled();
    await Promise.race([Promise.all(ended), deadline.promise]);
    clearTimeout(timer);
    this.destroy(server);
  }

  /** Who asks meanwhile is answered with `Connection: close`, and so leaves without losing anything. */
  async #linger(forMs: number): Promise<void> {
    const end = performance.now() + forMs;
    const idle = (): boolean => this.arriving > 0 || [...this.connections].some(({ busy }) => !busy);
    while (idle() && performance.now() < end) await delay(LOOK_EVERY_MS);
  }
}

// The front: where visitors arrive. Listens, serves, and ends without cutting what can still finish.

import type { Server } from 'node:https';
import { setTimeout as delay } from 'node:timers/promises';

import { listenOn, type ListenTarget } from '../../shared/net/listen.ts';
import type { Log } from '../../shared/program/log.ts';
import type { TlsSource } from '../tls/tls-source.ts';
import { Arrivals } from './arrivals.ts';
import { behindOf, NOTHING_IN_FRONT, type Behind, type BehindOptions } from './behind.ts';
import type { ExchangeRecord } from './exchange-record.ts';
import { normalDomain } from './hostname.ts';
import type { Household, VisitorConnection } from './household.ts';
import { connectionOf, serveHttp1 } from './http1.ts';
import { serveHttp2 } from './http2.ts';
import { createHttps, http2SettingsOf, receiveConnections, type HttpsLimits } from './https.ts';
import { Passthrough, readServerName, type PassthroughOptions } from './passthrough.ts';
import { Reception, type ReceptionOptions, type VisitedTunnel } from './reception.ts';
import { serveUpgrades, type TunnelUpgrade } from './upgrade.ts';
import { proxyReader } from './proxy-reader.ts';
import { plainAddress, ToldAddresses } from './visitor-address.ts';

export type { ExchangeRecord };

export interface FrontOptions extends Omit<ReceptionOptions, 'behind'> {
  /** What stands in front of the bastion; nothing when it is absent. */
  readonly behind?: BehindOptions | undefined;
  readonly tls: TlsSource;
  readonly directory: ReceptionOptions['directory'] & PassthroughOptions['directory'];
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
  /** Connections whose TLS is passed on undecrypted. */
  readonly passthroughs: number;
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
  const household = new FrontDesk(server, options);
  const settings = http2SettingsOf(limits);
  const sameCertificate = (serverName: string | undefined, hostname: string): boolean =>
    tls.context(serverName) === tls.context(hostname);
  receiveConnections(server, {
    household,
    http1: (socket) => connectionOf(socket, household),
    http2: (socket) => serveHttp2(socket, { household, settings, log, sameCertificate }),
  });
  serveHttp1(server, household);
  serveUpgrades(server, household, (...upgrade) => options.tunnelUpgrade(...upgrade));
  const port = await listenOn(household.arrivals.server, listener);
  // It never listens by itself; this is when it begins to watch over its timeouts.
  server.emit('listening');
  const recheck = (): void => household.reception.recheck();
  const timer = setInterval(recheck, RECHECK_MS).unref();
  server.once('close', () => clearInterval(timer));
  return {
    port,
    recheck,
    close: (deadlineMs, settled) => household.close(deadlineMs, settled),
    destroy: () => household.destroy(),
    giveUpWaiting: (tunnels, waitedMs) => {
      for (const connection of household.connections) connection.giveUpWaiting(tunnels, waitedMs);
    },
    get passthroughs() {
      return household.passthrough.size;
    },
    get upgrades() {
      return [...household.connections].reduce((sum, { upgrades }) => sum + upgrades, 0);
    },
  };
}

class FrontDesk implements Household {
  readonly reception: Reception;
  readonly behind: Behind;
  readonly addresses = new ToldAddresses();
  readonly connections = new Set<VisitorConnection>();
  draining = false;
  arriving = 0;
  readonly arrivals: Arrivals;
  readonly passthrough: Passthrough;
  readonly #server: Server;
  readonly #options: FrontOptions;
  #closing: Promise<void> | undefined;

  constructor(server: Server, options: FrontOptions) {
    const { directory, limits = {} } = options;
    const domain = normalDomain(options.domain);
    this.#server = server;
    this.#options = options;
    this.behind = behindOf(options.behind ?? NOTHING_IN_FRONT);
    this.reception = new Reception({ ...options, behind: this.behind, domain });
    this.passthrough = new Passthrough({
      domain,
      directory,
      onRecord: (record) => this.onRecord(record),
      terminate: ({ socket, address }) => {
        if (this.behind.isBalancer(plainAddress(socket.remoteAddress))) this.addresses.tell(socket, address);
        server.emit('connection', socket);
      },
    });
    this.arrivals = new Arrivals({
      readers: [proxyReader(this.behind.isBalancer), readServerName],
      timeoutMs: limits.helloTimeoutMs ?? 5_000,
      heldBytes: limits.helloBytes ?? 32 * 2 ** 20,
      maxConnections: limits.maxConnections,
      arrived: (arrival) => this.passthrough.take(arrival),
      refused: (arrival, error) => this.passthrough.refuse(arrival, error),
    });
  }

  onRecord(record: ExchangeRecord): void {
    this.#options.onExchange(record);
  }

  close(deadlineMs: number, settled?: () => void): Promise<void> {
    this.#closing ??= this.#drain(deadlineMs, settled);
    return this.#closing;
  }

  destroy(): void {
    this.draining = true;
    this.arrivals.server.close();
    this.arrivals.destroy();
    this.passthrough.destroy();
    this.#server.close();
    this.#server.closeAllConnections();
    for (const connection of this.connections) connection.destroy();
  }

  async #drain(deadlineMs: number, settled: () => void = () => {}): Promise<void> {
    this.draining = true;
    // Not the HTTP server, whose close would destroy idle connections at once. An inherited socket stays open for others.
    this.arrivals.server.close();
    for (const connection of this.connections) connection.announceLeaving();
    const deadline = Promise.withResolvers<void>();
    const timer = setTimeout(deadline.resolve, deadlineMs);
    await this.#linger(Math.min(LINGER_MS, deadlineMs));
    // Not the server's 'close' is awaited, which would wait for the tunnels' sockets too: they end with their tunnels.
    const ended = [...this.connections].map((connection) => connection.ended);
    for (const connection of this.connections) connection.leave();
    settled();
    await Promise.race([Promise.all([...ended, this.passthrough.ended()]), deadline.promise]);
    clearTimeout(timer);
    this.destroy();
  }

  /** Who asks meanwhile is answered with `Connection: close`, and so leaves without losing anything. */
  async #linger(forMs: number): Promise<void> {
    const end = performance.now() + forMs;
    const idle = (): boolean =>
      this.arriving + this.arrivals.size > 0 || [...this.connections].some(({ busy }) => !busy);
    while (idle() && performance.now() < end) await delay(LOOK_EVERY_MS);
  }
}

// The front: where visitors arrive. Listens, serves, and ends without cutting what can still finish.

import type { Server } from 'node:http';

import { listenOn, type ListenTarget } from '../../shared/net/listen.ts';
import type { Log } from '../../shared/program/log.ts';
import type { TlsSource } from '../tls/tls-source.ts';
import type { ExchangeRecord } from './exchange-record.ts';
import { normalDomain } from './hostname.ts';
import { serveHttp1, type Household, type VisitorConnection } from './http1.ts';
import { createHttps, type HttpsLimits } from './https.ts';
import { Reception, type ReceptionOptions } from './reception.ts';
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
  /** Takes no new connections, lets running exchanges finish for so many milliseconds, then ends the rest. Idempotent. */
  close(deadlineMs: number): Promise<void>;
  /** Ends everything now. Idempotent. */
  destroy(): void;
}

/** Rejects with PosternError `options-invalid` when it can't listen there. */
export async function startFront(listener: ListenTarget, options: FrontOptions): Promise<Front> {
  const server = createHttps(options.tls, options.limits ?? {}, options.log);
  const household = new FrontDesk(options);
  serveHttp1(server, household);
  serveUpgrades(server, household, (request, socket, head) => options.tunnelUpgrade(request, socket, head));
  const port = await listenOn(server, listener);
  return {
    port,
    close: (deadlineMs) => household.close(server, deadlineMs),
    destroy: () => household.destroy(server),
  };
}

class FrontDesk implements Household {
  readonly reception: Reception;
  readonly connections = new Set<VisitorConnection>();
  draining = false;
  readonly #options: FrontOptions;
  #closing: Promise<void> | undefined;

  constructor(options: FrontOptions) {
    this.#options = options;
    this.reception = new Reception({ ...options, domain: normalDomain(options.domain) });
  }

  onRecord(record: ExchangeRecord): void {
    this.#options.onExchange(record);
  }

  close(server: Server, deadlineMs: number): Promise<void> {
    this.#closing ??= this.#drain(server, deadlineMs);
    return this.#closing;
  }

  destroy(server: Server): void {
    this.draining = true;
    server.close();
    server.closeAllConnections();
    for (const connection of this.connections) connection.socket.destroy();
  }

  /** Not the server's own 'close', which would wait for the tunnels' sockets too: they end with their tunnels. */
  async #drain(server: Server, deadlineMs: number): Promise<void> {
    this.draining = true;
    server.close();
    server.closeIdleConnections();
    const deadline = Promise.withResolvers<void>();
    const timer = setTimeout(deadline.resolve, deadlineMs);
    const ended = [...this.connections].map((connection) => connection.ended);
    for (const connection of this.connections) if (!connection.busy) connection.socket.destroySoon();
    await Promise.race([Promise.all(ended), deadline.promise]);
    clearTimeout(timer);
    this.destroy(server);
  }
}

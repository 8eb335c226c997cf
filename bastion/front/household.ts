// What all visitors' connections of a front share, and what the front asks of each of them, whatever it speaks.

import type { Dialer } from '../forward/stream-pool.ts';
import type { Behind } from './behind.ts';
import type { ExchangeRecord } from './exchange-record.ts';
import type { Reception } from './reception.ts';
import type { ToldAddresses } from './visitor-address.ts';

export interface Household {
  readonly reception: Reception;
  /** Whose word on who a visitor is counts, and what TCP balancers have said. */
  readonly behind: Behind;
  readonly addresses: ToldAddresses;
  /** No new connections are taken, and running ones end as soon as they are idle. */
  readonly draining: boolean;
  readonly connections: Set<VisitorConnection>;
  /** Connections whose TLS handshake is under way. */
  arriving: number;
  onRecord(record: ExchangeRecord): void;
}

/** A connection of a visitor after its TLS handshake. */
export interface VisitorConnection {
  /** A request on it is being answered. */
  readonly busy: boolean;
  /** How many of its visits speak another protocol than HTTP now. */
  readonly upgrades: number;
  /** Resolves once it has closed. */
  readonly ended: Promise<void>;
  /** The link of these tunnels has been lost for a while: who has waited as long for an answer to begin is told. */
  giveUpWaiting(tunnels: ReadonlySet<Dialer>, waitedMs: number): void;
  /** The front begins to close: whoever can be told to ask elsewhere is told. */
  announceLeaving(): void;
  /** Ends as soon as nothing runs on it. */
  leave(): void;
  destroy(): void;
}

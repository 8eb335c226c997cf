// What a tunnel is made of, and whom it tells of what happens to it.

import type { ErrorCode } from '../../shared/errors.ts';
import type { Clock } from '../../shared/mux/clock.ts';
import type { Budget } from '../../shared/mux/budget.ts';
import type { Session } from '../../shared/mux/session.ts';
import type { Log } from '../../shared/program/log.ts';
import type { Audit } from '../audit.ts';
import type { Authenticator } from '../auth/authenticator.ts';
import type { Standing } from '../auth/revocations.ts';
import type { SpentLinks } from './links.ts';
import type { Pauses } from './pauses.ts';
import type { TunnelLink } from './tunnel-link.ts';
import type { TunnelLimits } from './tunnel-limits.ts';
import type { LiveTunnel } from './tunnel.ts';

export interface TunnelOptions {
  readonly instance: string;
  readonly names: readonly string[];
  readonly spent: SpentLinks;
  readonly log: Log;
  /** Who waits while a link is lost. */
  readonly pauses: Pauses<TunnelLink<LiveTunnel>>;
  readonly limits: Pick<TunnelLimits, 'streams' | 'opens'>;
  /** Credit that the streams of all its links may have granted. */
  readonly budget: Budget;
  /** Unix milliseconds. */
  readonly now: () => number;
  readonly clock?: Clock;
  /** Whether its credential still holds, and whose a fresh one is. */
  readonly standing: Standing;
  readonly authenticator: Authenticator;
  readonly audit: Audit;
  /** Once, when its last link is gone. */
  onEnd(tunnel: LiveTunnel): void;
  /** When the credential has expired: time to take it out of the directory. */
  onExpired(tunnel: LiveTunnel): void;
  /** A session of it is over; its figures are final. */
  onSessionEnd(session: Session, reason: ErrorCode): void;
}

// What the endpoint where agents register is made of, and whom it tells of what happens there.

import type { ErrorCode } from '../../shared/errors.ts';
import type { Clock } from '../../shared/mux/clock.ts';
import type { Session, SessionOptions } from '../../shared/mux/session.ts';
import type { Log } from '../../shared/program/log.ts';
import type { Limits } from '../../shared/wire/handshake.ts';
import type { Audit } from '../audit.ts';
import type { Attempts } from '../auth/attempts.ts';
import type { Authenticator } from '../auth/authenticator.ts';
import type { Revocations } from '../auth/revocations.ts';
import type { Store } from '../store/store.ts';
import type { Admission } from './admission.ts';
import type { Ownership } from './ownership.ts';
import type { LiveTunnel } from './tunnel.ts';
import type { TunnelLimits } from './tunnel-limits.ts';
import type { Certificates } from './certificates.ts';
import type { Directory } from './directory.ts';

export interface EndpointOptions {
  /** Software and release, for agents' logs. */
  readonly bastion: string;
  readonly authenticator: Authenticator;
  /** Wrong credentials of agents, by address. */
  readonly attempts: Attempts;
  readonly directory: Directory;
  readonly store: Store;
  readonly ownership: Ownership;
  readonly revocations: Revocations;
  readonly audit: Audit;
  readonly admission: Admission;
  readonly limits: Limits;
  readonly tunnelLimits: TunnelLimits;
  /** As a session takes them. */
  readonly sessions: Pick<SessionOptions, 'longestWindow' | 'floodFrames'>;
  /** Bytes of credit that the streams of one tunnel, and those of all, may have granted. */
  readonly sessionCredit: number;
  readonly totalCredit: number;
  /** How long the streams of a replaced agent may go on, in milliseconds. */
  readonly graceMs: number;
  /** How long a session whose link was lost waits to be resumed, and visitors who come meanwhile wait for that; milliseconds. */
  readonly resumeMs: number;
  readonly pausePatienceMs: number;
  readonly log: Log;
  /** Where agents may end their visitors' TLS; without `certificates`, only with some of their own. */
  readonly endToEnd: { readonly domain: string; readonly certificates: Certificates | undefined };
  /** The URL of a host by its label. */
  urlOf(label: string): string;
  onHandshake(result: 'accepted' | 'resumed' | ErrorCode): void;
  onSessionEnd(session: Session, reason: ErrorCode): void;
  /** A link was lost; its session waits to be resumed. */
  onPause(): void;
  /** A link of each of these tunnels has been lost for as long as a visitor waits; called again and again until it is back. */
  onImpatience(tunnels: ReadonlySet<LiveTunnel>): void;
  /** Unix milliseconds. */
  readonly now?: () => number;
  readonly clock?: Clock;
}

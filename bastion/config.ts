// What a bastion is told to be, and what it is given to work with.

import type { Clock } from '../shared/mux/clock.ts';
import type { Address, ListenTarget } from '../shared/net/listen.ts';
import type { Log } from '../shared/program/log.ts';
import type { Rate } from '../shared/token-bucket.ts';
import type { Limits } from '../shared/wire/handshake.ts';
import type { BehindOptions } from './front/behind.ts';
import type { HttpsLimits } from './front/https.ts';
import type { AdmissionLimits } from './tunnels/admission.ts';
import type { TunnelLimits } from './tunnels/tunnel-limits.ts';

/** Durations in milliseconds, sizes in bytes. */
export interface BastionConfig {
  /** In lower case: `notebooks.example.org`. */
  readonly domain: string;
  readonly listen: ListenTarget;
  readonly stateDirectory: string;
  /** The port in notebooks' addresses; without it, the one listened on. */
  readonly publicPort?: number | undefined;
  /** PEM files; without them, the certificate comes from a CA in the state directory. */
  readonly tls?: { readonly certificate: string; readonly key: string } | undefined;
  readonly admin?: Address | undefined;
  /** A JSON file of rules for tokens of outside issuers. */
  readonly issuers?: string | undefined;
  /** A path, or `log` for the program's own. */
  readonly accessLog?: string | undefined;
  /** A JSON file of the providers where visitors can sign in. */
  readonly signInFile?: string | undefined;
  /** A path; without it, nothing is accounted for. */
  readonly auditLog?: { readonly path: string; readonly rotateBytes: number; readonly keep: number } | undefined;
  readonly drainTimeoutMs: number;
  readonly visitorSessionMs: number;
  /** Of certificates for agents that end their visitors' TLS themselves. */
  readonly certificateMs: number;
  /** How long the session of a lost link waits to be resumed. */
  readonly resumeMs: number;
  /** How long after a start visitors wait for agents that are expected back. */
  readonly expectMs: number;
  /** How long a visitor who comes meanwhile waits. */
  readonly pausePatienceMs: number;
  readonly limits: Limits;
  readonly tunnelLimits: TunnelLimits;
  /** Longest window of one stream, and control frames that an agent may send within 10 s. */
  readonly sessions: { readonly longestWindow: number; readonly floodFrames: number };
  readonly sessionCredit: number;
  readonly totalCredit: number;
  readonly handshakes: AdmissionLimits;
  /** Names that one owner's agents may claim. */
  readonly namesPerOwner: number;
  /** Wrong credentials of agents or API callers from one address within a minute. */
  readonly credentialAttempts: number;
  /** Calls of the API with one token. */
  readonly apiRate: Rate;
  /** Wrong one-time links from one address within a minute. */
  readonly linkAttempts: number;
  /** Sign-ins begun from one address within a minute. */
  readonly signInAttempts: number;
  readonly https: HttpsLimits;
  /** What stands in front; nothing when it is absent. */
  readonly behind?: BehindOptions | undefined;
}

export interface BastionDeps {
  readonly log: Log;
  /** Unix milliseconds. */
  readonly now?: () => number;
  readonly clock?: Clock;
}

// What a session is told at its beginning, and what it tells its owner.

import type { ErrorCode } from '../errors.ts';
import type { Info, Limits } from '../wire/handshake.ts';
import type { Budget } from './budget.ts';
import type { Clock } from './clock.ts';
import type { SharedPath } from './shared-path.ts';
import type { Stream } from './stream.ts';

/** Why the peer takes no new streams here, and when to come back. */
export interface GoAway {
  readonly code: ErrorCode;
  readonly reconnectAfterMs: number;
  readonly alternatives?: readonly string[];
}

export interface SessionOptions {
  readonly role: 'bastion' | 'agent';
  /** What this end takes, and what the other end said it takes. */
  readonly own: Limits;
  readonly peer: Limits;
  onStream?(stream: Stream): void;
  onInfo?(info: Info): void;
  onGoAway?(goAway: GoAway): void;
  readonly clock?: Clock;
  /** Credit that all streams of this session may have granted; its parent counts the process. By default what the limits promise, twice. */
  readonly budget?: Budget;
  /** Most credit that one stream's window grows to, in bytes. */
  readonly longestWindow?: number;
  /** What this session's link shares with others of the same tunnel. */
  readonly path?: SharedPath;
  /** PING, INFO, GOAWAY and senseless OPEN frames that are taken within 10 s; more are a flood. */
  readonly floodFrames?: number;
  /** Stream ids end here, and the session with them; tests lower it. */
  readonly highestId?: number;
}

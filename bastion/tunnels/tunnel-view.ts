// A tunnel as the front, the gate and the exchange see it.

import type { Stream } from '../../shared/mux/stream.ts';
import type { AccessPolicy } from '../../shared/wire/access.ts';
import type { ServiceKind } from '../../shared/wire/handshake.ts';
import type { Identity } from '../auth/authenticator.ts';
import type { JobView } from './job-status.ts';
import type { Traffic } from './traffic.ts';

export interface Tunnel {
  readonly identity: Identity;
  readonly names: readonly string[];
  /** Who else is let in, as the agent asks for it. */
  readonly policy: AccessPolicy;
  /** A service of this kind, or a port (which is `http`); `http` when no kind is given. */
  hasService(service: string, kind?: ServiceKind): boolean;
  /** The Authorization value that the notebook accepts; a secret. */
  authorization(service: string): string | undefined;
  /** What the agent last said of the service; undefined as long as it said nothing. */
  readiness(service: string): { ready: boolean; exit?: number } | undefined;
  readonly instance: string;
  /** What the agent says of its batch job. */
  readonly job: JobView | undefined;
  /** What visitors do is told here. */
  readonly traffic: Traffic;
  /** The notebook's pages ask this path by themselves: that is no use. */
  isQuiet(target: string): boolean;
  /** A visitor at this address wants the notebook to be kept; false when its agent can't be told. */
  keep(from: string): boolean;
  /** Its visitors' TLS ends at the agent, or behind it: nothing of it is read here. */
  passesThrough(service: string): boolean;
  /** A new stream, at once. Throws PosternError: tunnel-absent (its credential is over), stream-limit, stream-rate, draining, session-closed. */
  open(service: string, visitor: string): Stream;
  /** False: a new stream would get a better link than this one has, which has nothing under way. */
  keeps(stream: Stream): boolean;
  /** The stream's link has been lost for as long as visitors wait; without a stream, every link has. */
  outwaited(stream: Stream | undefined): boolean;
  /** True once for each one-time secret. */
  spendLink(secret: string, from: string): boolean;
}

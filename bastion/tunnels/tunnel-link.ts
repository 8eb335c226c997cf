// One link of a tunnel and the session that runs over it.

import type { Session } from '../../shared/mux/session.ts';
import type { LinkView } from './link-choice.ts';
import type { HeldLink } from './registration.ts';

export class TunnelLink<Tunnel = unknown> implements HeldLink, LinkView {
  readonly tunnel: Tunnel;
  readonly slot: number;
  readonly session: Session;
  readonly #waiting: () => boolean;

  /** `waiting`: its WebSocket is lost, and it waits to be resumed. */
  constructor(tunnel: Tunnel, slot: number, session: Session, waiting: () => boolean) {
    this.tunnel = tunnel;
    this.slot = slot;
    this.session = session;
    this.#waiting = waiting;
  }

  get leaving(): boolean {
    return this.session.draining;
  }

  get paused(): boolean {
    return this.#waiting();
  }

  get full(): boolean {
    return this.session.full;
  }

  get streams(): number {
    return this.session.streams;
  }

  get recentBytes(): number {
    return this.session.recentBytes;
  }

  get unansweredMs(): number {
    return this.session.unansweredMs;
  }

  get roundTripMs(): number {
    return this.session.roundTripMs;
  }
}

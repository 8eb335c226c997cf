// A WebSocket on which the bastion took the agent anew, in answer to a resumption: kept until the next session begins on it.

import type { IncomingHttpHeaders } from 'node:http';

import type { Carrier } from '../shared/link/websocket-link.ts';
import type { Clock } from '../shared/mux/clock.ts';
import type { Registration } from '../shared/wire/handshake.ts';

/** A handshake that was accepted, and what was asked for in it. */
export interface Taken {
  readonly registration: Registration;
  readonly carrier: Carrier;
  readonly headers: IncomingHttpHeaders;
}

/** The next attempt is under way within moments; until then visitors wait. Nobody shall wait for one that never comes. */
const KEPT_MS = 5_000;
/** `readyState` of a WebSocket in use. */
const WEBSOCKET_OPEN = 1;

export class TakenAnew {
  readonly #clock: Clock;
  #taken: Taken | undefined;
  #timer: unknown;
  #forget: () => void = () => {};

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Until `take`, for a few seconds, or until `ended` says that no attempt follows: then it is closed. */
  keep(taken: Taken, ended: AbortSignal): void {
    this.#drop();
    if (ended.aborted) return taken.carrier.webSocket.terminate();
    const drop = (): void => this.#drop();
    this.#taken = taken;
    this.#timer = this.#clock.setTimeout(drop, KEPT_MS);
    ended.addEventListener('abort', drop, { once: true });
    this.#forget = () => ended.removeEventListener('abort', drop);
  }

  /** What is kept, if it has not been closed meanwhile; it is the caller's from then on. */
  take(): Taken | undefined {
    const taken = this.#taken;
    this.#clear();
    if (taken?.carrier.webSocket.readyState === WEBSOCKET_OPEN) return taken;
    taken?.carrier.webSocket.terminate();
    return undefined;
  }

  #drop(): void {
    const taken = this.#taken;
    this.#clear();
    taken?.carrier.webSocket.terminate();
  }

  #clear(): void {
    this.#taken = undefined;
    this.#clock.clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#forget();
    this.#forget = () => {};
  }
}

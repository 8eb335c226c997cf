// What visitors really do with a tunnel's notebook, told to its agent, which alone can tell whether that is use.

import type { Clock } from '../../shared/mux/clock.ts';
import type { ActivityInfo } from '../../shared/wire/job.ts';

export interface TrafficOptions {
  readonly clock: Clock;
  tell(info: ActivityInfo): void;
}

/** The first news after silence goes out so soon, and then no more often than that; milliseconds. */
const SOON_MS = 200;
const EVERY_MS = 10_000;

const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE']);

/** The paths of bytes only set a flag; a timer runs only while there is something to tell. */
export class Traffic {
  readonly #options: TrafficOptions;
  #connections = 0;
  /** Since the last report. */
  #request = false;
  #change = false;
  #sent = false;
  #received = false;
  readonly #last: { request?: number; change?: number; sent?: number; received?: number } = {};
  /** Something to report came while the report before it was not long ago. */
  #news = false;
  #timer: unknown;
  #closed = false;

  constructor(options: TrafficOptions) {
    this.#options = options;
  }

  requested(method: string): void {
    this.moved();
    if (!SAFE_METHODS.has(method)) this.#change = true;
  }

  /** A part of a body, either way. */
  moved(): void {
    if (this.#request) return;
    this.#request = true;
    this.#soon();
  }

  /** Something that is no ping, from a visitor, on a connection that speaks another protocol. */
  sent(): void {
    if (this.#sent) return;
    this.#sent = true;
    this.#soon();
  }

  /** The same from the notebook. */
  received(): void {
    if (this.#received) return;
    this.#received = true;
    this.#soon();
  }

  /** A connection speaks another protocol now; call what is returned when it has ended. */
  connected(): () => void {
    this.#connections += 1;
    this.#soon();
    return () => {
      this.#connections -= 1;
      this.#soon();
    };
  }

  close(): void {
    this.#closed = true;
    this.#options.clock.clearTimeout(this.#timer);
  }

  #soon(): void {
    this.#news = true;
    if (this.#timer !== undefined || this.#closed) return;
    this.#timer = this.#options.clock.setTimeout(() => this.#report(), SOON_MS);
  }

  #report(): void {
    const { clock, tell } = this.#options;
    const now = clock.now();
    const last = this.#last;
    if (this.#request) last.request = now;
    if (this.#change) last.change = now;
    if (this.#sent) last.sent = now;
    if (this.#received) last.received = now;
    const age = (at: number): number => Math.round(now - at);
    tell({
      type: 'activity',
      connections: this.#connections,
      ...(last.request === undefined ? {} : { requestMs: age(last.request) }),
      ...(last.change === undefined ? {} : { changeMs: age(last.change) }),
      ...(last.sent === undefined ? {} : { sentMs: age(last.sent) }),
      ...(last.received === undefined ? {} : { receivedMs: age(last.received) }),
    });
    this.#request = this.#change = this.#sent = this.#received = this.#news = false;
    this.#timer = clock.setTimeout(() => this.#rest(), EVERY_MS);
  }

  #rest(): void {
    this.#timer = undefined;
    if (this.#news) this.#report();
  }
}

// Links that are lost and may be resumed: who has waited through such a pause for long enough is told, however it ends.

import { PosternError } from '../../shared/errors.ts';
import type { Clock } from '../../shared/mux/clock.ts';

/** What is looked at of a link. */
export interface Pausable {
  /** It waits to be resumed. */
  readonly paused: boolean;
}

/** A stream that was opened during a pause. */
interface Newcomer {
  readonly destroyed: boolean;
  destroy(error: Error): void;
}

export interface PausesOptions<L extends Pausable> {
  readonly clock: Clock;
  /** How long anybody waits, in milliseconds. */
  readonly patienceMs: number;
  /** Links that have been lost for so long; called again and again until they are back: some began to wait later. */
  onImpatience(links: ReadonlySet<L>): void;
}

/** Least and most time between two looks, in milliseconds: one is a tenth of the patience. */
const LOOK_MS = [20, 1000] as const;

export class Pauses<L extends Pausable> {
  readonly #options: PausesOptions<L>;
  readonly #everyMs: number;
  /** Link -> when it was lost, by the clock. */
  readonly #since = new Map<L, number>();
  /** Streams that have nothing under way but their beginning -> their link, and when they came. */
  readonly #newcomers = new Map<Newcomer, { readonly link: L; readonly at: number }>();
  #armed = false;

  constructor(options: PausesOptions<L>) {
    this.#options = options;
    this.#everyMs = Math.min(LOOK_MS[1], Math.max(LOOK_MS[0], options.patienceMs / 10));
  }

  /** The link has just been lost. */
  lost(link: L): void {
    this.#since.set(link, this.#options.clock.now());
    this.#arm();
  }

  /** A stream was opened on a link that is lost: unless the link is back in time, it ends with `tunnel-paused`. */
  came(link: L, stream: Newcomer): void {
    this.#newcomers.set(stream, { link, at: this.#options.clock.now() });
    this.#arm();
  }

  /** True while the link is lost, and has been for as long as anybody waits. */
  overdue(link: L): boolean {
    const since = this.#since.get(link);
    return since !== undefined && link.paused && this.#waited(since);
  }

  #waited(since: number): boolean {
    return this.#options.clock.now() - since >= this.#options.patienceMs;
  }

  #arm(): void {
    if (this.#armed) return;
    this.#armed = true;
    this.#options.clock.setTimeout(() => {
      this.#armed = false;
      this.#look();
    }, this.#everyMs);
  }

  #look(): void {
    for (const [stream, { link, at }] of this.#newcomers) {
      if (!link.paused || stream.destroyed) this.#newcomers.delete(stream);
      else if (this.#waited(at)) {
        this.#newcomers.delete(stream);
        stream.destroy(new PosternError('tunnel-paused'));
      }
    }
    const overdue = new Set<L>();
    for (const link of this.#since.keys()) {
      if (!link.paused) this.#since.delete(link);
      else if (this.overdue(link)) overdue.add(link);
    }
    if (overdue.size > 0) this.#options.onImpatience(overdue);
    if (this.#since.size > 0 || this.#newcomers.size > 0) this.#arm();
  }
}

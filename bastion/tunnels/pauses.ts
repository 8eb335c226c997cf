// Tunnels whose link is lost: who has waited through a pause for long enough is told, however the pause ends.

import type { Clock } from '../../shared/mux/clock.ts';

/** What is looked at of a tunnel. */
export interface Pausable {
  readonly paused: boolean;
}

export interface PausesOptions<T extends Pausable> {
  readonly clock: Clock;
  /** How long a pause may last before anybody is told, in milliseconds. */
  readonly patienceMs: number;
  /** Called again and again while there are such tunnels: those that came during the pause lose their patience later. */
  onImpatience(tunnels: ReadonlySet<T>): void;
}

/** Least and most time between two looks, in milliseconds: one is a tenth of the patience. */
const LOOK_MS = [20, 1000] as const;

export class Pauses<T extends Pausable> {
  readonly #options: PausesOptions<T>;
  readonly #everyMs: number;
  /** Tunnel -> when its link was lost, by the clock. */
  readonly #since = new Map<T, number>();
  #armed = false;

  constructor(options: PausesOptions<T>) {
    this.#options = options;
    this.#everyMs = Math.min(LOOK_MS[1], Math.max(LOOK_MS[0], options.patienceMs / 10));
  }

  /** The tunnel has just lost a link. */
  lost(tunnel: T): void {
    if (!tunnel.paused) return;
    this.#since.set(tunnel, this.#options.clock.now());
    this.#arm();
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
    const { clock, patienceMs, onImpatience } = this.#options;
    const overdue = new Set<T>();
    for (const [tunnel, since] of this.#since) {
      if (!tunnel.paused) this.#since.delete(tunnel);
      else if (clock.now() - since >= patienceMs) overdue.add(tunnel);
    }
    if (overdue.size > 0) onImpatience(overdue);
    if (this.#since.size > 0) this.#arm();
  }
}

// A path with a bandwidth, a propagation time and a queue in front of it, and a sender kept by a flight cap, in simulated time.

import { Flight } from '../../shared/mux/flight.ts';

const MESSAGE = 16_320;
/** When the receiving link acknowledges: at once from so many bytes on, otherwise after so long. */
const ACKNOWLEDGE_BYTES = 16 * 1024;
const ACKNOWLEDGE_MS = 20;

/** What senders on one path share: time, and the line. */
interface Common {
  now: number;
  lineFreeAt: number;
  readonly events: { at: number; run: () => void }[];
  readonly senders: SimulatedPath[];
}

export class SimulatedPath {
  readonly #common: Common;
  /** Bytes per millisecond. */
  bandwidth: number;
  /** Milliseconds, both ways together, with no queue. */
  roundTripMs: number;
  /** Bytes per millisecond that the sender has to send; Infinity: it always has more. */
  demand = Infinity;
  /** What the receiver's event loop takes to answer, in milliseconds. */
  hiccupMs = 0;
  /** Longest turn of the receiver's busy event loop: what is acknowledged within one leaves together at its end. */
  turnMs = 0;
  readonly flight: Flight;
  #sent = 0;
  #acknowledged = 0;
  #received = 0;
  #told = 0;
  #turnEnds = 0;
  #random = 1;
  #offered = 0;
  #offeredAt = 0;
  #holding = false;
  #pinging = false;

  /** `beside`: another sender on the same path, which moves on with it; `others`: what its flight is told of them. */
  constructor(
    path: { bandwidth: number; roundTripMs: number },
    { beside, others }: { beside?: SimulatedPath; others?: () => readonly Flight[] } = {},
  ) {
    this.bandwidth = path.bandwidth;
    this.roundTripMs = path.roundTripMs;
    this.#common = beside === undefined ? { now: 0, lineFreeAt: 0, events: [], senders: [] } : beside.#common;
    this.#common.senders.push(this);
    this.#offeredAt = this.now;
    this.flight = new Flight(this.now, others);
  }

  get now(): number {
    return this.#common.now;
  }

  /** Bytes that fill the path and no queue. */
  get product(): number {
    return this.bandwidth * this.roundTripMs;
  }

  get unacknowledged(): number {
    return this.#sent - this.#acknowledged;
  }

  get delivered(): number {
    return this.#received;
  }

  /** Milliseconds that a byte sent now waits in front of the line. */
  get queueMs(): number {
    return Math.max(0, this.#common.lineFreeAt - this.now);
  }

  /** Lets `ms` pass; `look` is called about once a millisecond. */
  run(ms: number, look: () => void = () => undefined): void {
    const common = this.#common;
    const end = common.now + ms;
    for (let tick = Math.floor(common.now) + 1; tick <= end; tick++) {
      while (common.events.length > 0 && common.events[0]!.at <= tick) {
        const event = common.events.shift()!;
        common.now = event.at;
        event.run();
      }
      common.now = tick;
      for (const sender of common.senders) sender.#send();
      look();
    }
    common.now = end;
  }

  #at(at: number, run: () => void): void {
    const { events } = this.#common;
    let index = events.length;
    while (index > 0 && events[index - 1]!.at > at) index--;
    events.splice(index, 0, { at, run });
  }

  #send(): void {
    const before = Number.isFinite(this.#offered) ? this.#offered : 0;
    this.#offered = this.demand === Infinity ? Infinity : before + this.demand * (this.now - this.#offeredAt);
    this.#offeredAt = this.now;
    while (this.#offered >= 1 && this.unacknowledged < this.flight.cap) {
      const bytes = Math.min(MESSAGE, Math.floor(this.#offered));
      this.#offered -= bytes;
      this.#sent += bytes;
      this.flight.departed(bytes, this.now, this.#offered >= 1);
      const leaves = Math.max(this.now, this.#common.lineFreeAt) + bytes / this.bandwidth;
      this.#common.lineFreeAt = leaves;
      this.#at(leaves + this.roundTripMs / 2, () => this.#arrive(bytes));
    }
  }

  #arrive(bytes: number): void {
    this.#received += bytes;
    if (this.#received - this.#told >= ACKNOWLEDGE_BYTES) return this.#acknowledge();
    if (this.#holding) return;
    this.#holding = true;
    this.#at(this.now + ACKNOWLEDGE_MS, () => {
      this.#holding = false;
      if (this.#told < this.#received) this.#acknowledge();
    });
  }

  /** As sessions do while the cap is lowered. */
  #ping(): void {
    if (!this.flight.probing || this.#pinging) return;
    this.#pinging = true;
    const sentAt = this.now;
    this.#at(this.now + this.queueMs + this.roundTripMs + this.hiccupMs, () => {
      this.#pinging = false;
      this.flight.measured(this.now - sentAt, this.now);
    });
  }

  /** When the turn that begins now ends, or the one that runs. */
  #endOfTurn(): number {
    if (this.now < this.#turnEnds) return this.#turnEnds;
    // Repeatable: the generator of Park and Miller.
    this.#random = (this.#random * 48_271) % 2_147_483_647;
    return (this.#turnEnds = this.now + (this.turnMs * this.#random) / 2_147_483_647);
  }

  #acknowledge(): void {
    const told = (this.#told = this.#received);
    this.#at(this.#endOfTurn() + this.roundTripMs / 2 + this.hiccupMs, () => {
      this.#acknowledged = Math.max(this.#acknowledged, told);
      this.flight.acknowledged(this.unacknowledged, this.now);
      this.#ping();
      this.#send();
    });
  }
}

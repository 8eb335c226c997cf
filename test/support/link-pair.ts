// Two ends of an in-memory link, with what networks do to real ones: latency, capacity, holding back, cuts and resumption.

import { PosternError } from '../../shared/errors.ts';
import type { Clock } from '../../shared/mux/clock.ts';
import type { Link, LinkListener } from '../../shared/mux/link.ts';
import { LINK_HEADER_BYTES } from '../../shared/mux/link.ts';

export interface LinkPairOptions {
  /** Needed for latency and bandwidth; without it messages arrive in the next turn of the event loop. */
  readonly clock?: Clock;
  /** One way, in milliseconds. */
  readonly latencyMs?: number;
  /** Bytes per millisecond in each direction; what does not fit waits in a queue without end. */
  readonly bandwidth?: number;
  /** More bytes than this in front of the line, and the link is not writable. */
  readonly capacity?: number;
  /** A lost link waits for `reconnect` instead of closing. */
  readonly resumable?: boolean;
}

interface Parcel {
  readonly bytes: Buffer;
  readonly transient: boolean;
}

/** One end. Messages arrive in later turns of the event loop, and never while the network is stalled. */
export class MemoryLink implements Link {
  peer!: MemoryLink;
  heard = 0;
  unacknowledged = 0;
  /** While true nothing arrives here; what was sent waits. */
  stalled = false;
  /** The carrier is gone; `reconnect` of the pair brings another. */
  down = false;
  /** Counted messages that arrived here. */
  received = 0;
  readonly #options: LinkPairOptions;
  #listener: LinkListener | undefined;
  #arriving: Parcel[] = [];
  #scheduled = false;
  /** Counted messages that the peer has not acknowledged, and how many it has. */
  #kept: Buffer[] = [];
  #acknowledged = 0;
  /** Raised with each carrier: timers of an older one deliver nothing. */
  #epoch = 0;
  #queued = 0;
  #lineFreeAt = 0;
  #closed: PosternError | undefined;

  constructor(options: LinkPairOptions = {}) {
    this.#options = options;
  }

  listen(listener: LinkListener): void {
    this.#listener = listener;
    if (this.#closed !== undefined) listener.close(this.#closed);
    else this.#schedule();
  }

  get closed(): boolean {
    return this.#closed !== undefined;
  }

  get writable(): boolean {
    return !this.down && this.#queued < (this.#options.capacity ?? Infinity);
  }

  send(message: Buffer): void {
    if (this.#closed !== undefined) return;
    this.unacknowledged += message.length;
    this.#kept.push(message);
    this.#transmit({ bytes: message, transient: false });
  }

  sendTransient(message: Buffer): void {
    if (this.#closed === undefined) this.#transmit({ bytes: message, transient: true });
  }

  lose(error: PosternError): void {
    if (this.#closed !== undefined || this.down) return;
    if (this.#options.resumable === true) this.dropCarrier();
    else this.destroy(error);
  }

  destroy(error: PosternError): void {
    if (this.#closed !== undefined) return;
    this.#closed = error;
    this.#kept = [];
    this.unacknowledged = 0;
    this.#listener?.close(error);
    setImmediate(() => this.peer.destroy(new PosternError('link-closed')));
  }

  /** Goes on after `stalled`. */
  resume(): void {
    this.stalled = false;
    this.#schedule();
  }

  /** What is on its way here, and the acknowledgements for it, will never arrive. */
  dropCarrier(): void {
    this.down = true;
    this.#epoch++;
    this.#arriving = [];
    this.#queued = 0;
    this.heard = 0;
  }

  /** A new carrier: the peer's count is known, what it lacks is sent again. Called by the pair, on both ends. */
  pickUp(): void {
    this.#epoch++;
    this.down = false;
    this.#lineFreeAt = 0;
    this.#acknowledge(this.peer.received);
    for (const bytes of this.#kept) this.#transmit({ bytes, transient: false });
    this.#listener?.replaced();
  }

  #transmit(parcel: Parcel): void {
    if (this.down || this.peer.down) return;
    const { clock, latencyMs = 0, bandwidth = Infinity } = this.#options;
    if (clock === undefined) return this.peer.#arrive(parcel);
    this.#queued += parcel.bytes.length;
    const leaves = Math.max(clock.now(), this.#lineFreeAt) + parcel.bytes.length / bandwidth;
    this.#lineFreeAt = leaves;
    this.#later(leaves - clock.now(), () => {
      this.#queued -= parcel.bytes.length;
      this.#listener?.drain();
      this.#later(latencyMs, () => this.peer.#arrive(parcel));
    });
  }

  #later(ms: number, work: () => void): void {
    const epoch = this.#epoch;
    this.#options.clock?.setTimeout(() => {
      if (epoch === this.#epoch && this.#closed === undefined) work();
    }, ms);
  }

  #arrive(parcel: Parcel): void {
    this.#arriving.push(parcel);
    // With a clock this is a timer's call, as far from `send` as another turn of the event loop.
    if (this.#options.clock === undefined) this.#schedule();
    else this.#deliver();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => this.#deliver());
  }

  #deliver(): void {
    this.#scheduled = false;
    const epoch = this.#epoch;
    while (this.#listener !== undefined && !this.stalled && this.#closed === undefined && epoch === this.#epoch) {
      const parcel = this.#arriving.shift();
      if (parcel === undefined) return;
      const { bytes, transient } = parcel;
      this.heard += bytes.length;
      const frames = Buffer.from(bytes.subarray(LINK_HEADER_BYTES));
      if (transient) this.#listener.transient(frames);
      else {
        this.received++;
        this.#listener.message(frames);
        this.#tell(this.received);
      }
    }
  }

  #tell(received: number): void {
    if (this.#options.clock === undefined) this.peer.#acknowledge(received);
    else this.#later(this.#options.latencyMs ?? 0, () => this.peer.#acknowledge(received));
  }

  #acknowledge(count: number): void {
    if (this.#closed !== undefined || count <= this.#acknowledged) return;
    const gone = this.#kept.splice(0, count - this.#acknowledged);
    for (const message of gone) this.unacknowledged -= message.length;
    this.#acknowledged = count;
    this.#listener?.drain();
  }
}

export interface LinkPair {
  readonly bastion: MemoryLink;
  readonly agent: MemoryLink;
  /** Both ends lose the carrier and everything that is in it. */
  cut(): void;
  /** Both ends go on over a new carrier. */
  reconnect(): void;
}

export function linkPair(options: LinkPairOptions = {}): LinkPair {
  const bastion = new MemoryLink(options);
  const agent = new MemoryLink(options);
  bastion.peer = agent;
  agent.peer = bastion;
  const ends = [bastion, agent];
  const pair = {
    bastion,
    agent,
    cut: () => ends.forEach((end) => end.dropCarrier()),
    reconnect: () => {
      pair.cut();
      // Both are up before either sends, as after a handshake.
      for (const end of ends) end.down = false;
      for (const end of ends) end.pickUp();
    },
  };
  return pair;
}

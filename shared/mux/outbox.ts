// The sending half of a session: gathers the frames of one turn of the event loop into messages, within the flight cap.

import { FRAME_HEADER_BYTES, MAX_DATA_BYTES } from '../wire/frame.ts';
import type { Clock } from './clock.ts';
import { Flight } from './flight.ts';
import { LINK_HEADER_BYTES, type Link } from './link.ts';
import { Message } from './message.ts';
import { Recent } from './recent.ts';
import type { SharedPath } from './shared-path.ts';
import { URGENT_BYTES, type Stream } from './stream.ts';
import { Turns } from './turns.ts';

/** With less room than this a message is full: a longest DATA frame leaves some, and a stream's turn is not spent on it. */
const WORTH_A_FRAME = 512;

export class Outbox {
  readonly #link: Link;
  readonly #clock: Clock;
  readonly #path: SharedPath | undefined;
  readonly #turns = new Turns<Stream>();
  readonly #urgent = new Set<Stream>();
  readonly #message = new Message();
  readonly flight: Flight;
  readonly recent = new Recent();
  #control: Buffer[] = [];
  /** The stream whose turn the end of a message cut short, and the bytes that are left of it. */
  #cutShort: { readonly stream: Stream; readonly left: number } | undefined;
  #scheduled = false;
  #closed = false;
  /** Payload bytes sent in DATA. */
  bytes = 0;

  /** `path`: shared with other links. */
  constructor(link: Link, clock: Clock, path: SharedPath | undefined) {
    this.#link = link;
    this.#clock = clock;
    this.#path = path;
    this.flight = new Flight(clock.now(), path === undefined ? undefined : () => path.beside(this, clock.now()));
    path?.join(this);
  }

  /** Frames that open, end or inform: in order, before data, outside the cap (their number is limited, not their bytes). */
  control(frame: Buffer): void {
    if (this.#closed) return;
    this.#control.push(frame);
    this.#schedule();
  }

  urgent(stream: Stream): void {
    if (this.#closed) return;
    this.#urgent.add(stream);
    this.#schedule();
  }

  wants(stream: Stream): void {
    this.#turns.add(stream);
    this.#schedule();
  }

  /** No more data of this stream; CREDIT and RESET that are due still go out. */
  forget(stream: Stream): void {
    this.#turns.remove(stream);
    if (this.#cutShort?.stream === stream) this.#cutShort = undefined;
  }

  /** Everything given so far is with the link. */
  get empty(): boolean {
    return this.#control.length === 0 && this.#urgent.size === 0 && this.#turns.waiting === 0;
  }

  /** The link has room again, or something was acknowledged. */
  progress(): void {
    this.flight.acknowledged(this.#link.unacknowledged, this.#clock.now());
    if (!this.#scheduled && !this.empty) this.flush();
  }

  close(): void {
    this.#closed = true;
    this.#path?.leave(this);
    this.#control = [];
    this.#urgent.clear();
  }

  /** Sends now what is allowed now. */
  flush(): void {
    this.#scheduled = false;
    if (this.#closed) return;
    for (;;) {
      const served: Stream[] = [];
      this.#message.begin();
      this.#fill(served);
      if (this.#message.empty) return;
      const message = this.#message.finish();
      this.#link.send(message);
      for (const stream of served) this.#again(stream);
      // Only now it shows whether the cap held something back: a lone stream was out of the queue while it was served.
      const now = this.#clock.now();
      this.flight.departed(message.length, now, !this.empty);
      this.recent.add(message.length, now);
      for (const stream of served) stream.settle();
    }
  }

  #fill(served: Stream[]): void {
    const message = this.#message;
    let next = 0;
    for (let frame = this.#control[next]; frame !== undefined; frame = this.#control[++next]) {
      if (frame.length > message.room) break;
      message.add(frame);
    }
    if (next > 0) this.#control.splice(0, next);
    if (this.#control.length > 0) return;
    for (const stream of this.#urgent) {
      if (message.room < URGENT_BYTES) return;
      this.#urgent.delete(stream);
      message.place((into, at) => stream.writeUrgent(into, at));
    }
    this.#fillData(served);
  }

  #fillData(served: Stream[]): void {
    const message = this.#message;
    while (this.#turns.waiting > 0 && this.#mayFly() && message.room >= FRAME_HEADER_BYTES + WORTH_A_FRAME) {
      const stream = this.#turns.next() as Stream;
      if (!stream.sendable) continue;
      const quantum = this.#cutShort?.stream === stream ? this.#cutShort.left : MAX_DATA_BYTES;
      const taken = message.addData(stream.id, quantum, (into, at, longest) => stream.takeQueued(into, at, longest));
      this.#cutShort = taken < quantum && stream.sendable ? { stream, left: quantum - taken } : undefined;
      this.bytes += taken;
      served.push(stream);
    }
  }

  #again(stream: Stream): void {
    if (!stream.sendable) return;
    if (this.#cutShort?.stream === stream) this.#turns.interrupt(stream);
    else this.#turns.add(stream);
  }

  #mayFly(): boolean {
    return this.#link.writable && this.#link.unacknowledged < this.flight.cap;
  }

  #schedule(): void {
    if (this.#scheduled || this.#closed) return;
    this.#scheduled = true;
    // After the poll phase: whatever the sockets read in this turn of the event loop shares messages.
    setImmediate(() => this.flush());
  }
}

/** A message around one transient frame. */
export function transientMessage(frame: Buffer): Buffer {
  const message = Buffer.allocUnsafe(LINK_HEADER_BYTES + frame.length);
  message.set(frame, LINK_HEADER_BYTES);
  return message;
}

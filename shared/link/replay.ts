// What was sent and has not been acknowledged: kept so that a replaced carrier can be given exactly what the peer lacks.

import { PosternError } from '../errors.ts';
import { releaseMessage } from '../mux/message.ts';

/** Counts messages from 1, absolutely, for the life of the link. */
export class Replay {
  #kept: Buffer[] = [];
  #first = 0;
  #sent = 0;
  #acknowledged = 0;
  #bytes = 0;

  /** Messages sent so far. */
  get sent(): number {
    return this.#sent;
  }

  /** Bytes of the messages that are kept. */
  get bytes(): number {
    return this.#bytes;
  }

  add(message: Buffer): void {
    this.#kept.push(message);
    this.#sent++;
    this.#bytes += message.length;
  }

  /** The peer has received `count` messages. Answers whether that was news; throws `acknowledgement-invalid` for more than was sent. */
  acknowledge(count: number): boolean {
    if (count > this.#sent) {
      throw new PosternError('acknowledgement-invalid', `${count} acknowledged of ${this.#sent} sent`);
    }
    // A count that goes back is one that was overtaken.
    if (count <= this.#acknowledged) return false;
    for (let left = count - this.#acknowledged; left > 0; left--) {
      const message = this.#kept[this.#first] as Buffer;
      this.#bytes -= message.length;
      this.#kept[this.#first++] = EMPTY;
      releaseMessage(message);
    }
    this.#acknowledged = count;
    if (this.#first * 2 > this.#kept.length) {
      this.#kept = this.#kept.slice(this.#first);
      this.#first = 0;
    }
    return true;
  }

  /** The messages that a peer with `received` messages lacks, oldest first. Throws like `acknowledge`. */
  after(received: number): readonly Buffer[] {
    this.acknowledge(received);
    if (received < this.#acknowledged) {
      throw new PosternError('acknowledgement-invalid', `${received} received of ${this.#acknowledged} acknowledged`);
    }
    return this.#kept.slice(this.#first);
  }

  clear(): void {
    for (let index = this.#first; index < this.#kept.length; index++) releaseMessage(this.#kept[index] as Buffer);
    this.#kept = [];
    this.#first = 0;
    this.#bytes = 0;
  }
}

const EMPTY = Buffer.alloc(0);

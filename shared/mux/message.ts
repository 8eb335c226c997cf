// Building one message out of frames, in memory carved from a block that all sessions of the process share.

import { LINK_HEADER_BYTES } from './link.ts';
import { FRAME, FRAME_HEADER_BYTES, MESSAGE_BYTES } from '../wire/frame.ts';
import { typeAndLength, writeHeader } from '../wire/encode.ts';

/** Large enough that allocating is rare; small enough that an unacknowledged message pins little. */
const BLOCK_BYTES = 16 * MESSAGE_BYTES;

// Shared, since a message is built without interruption: an idle session owns no block of its own.
let block = Buffer.alloc(0);
let used = 0;

/** One message under construction: begin, add frames, finish; nothing else may run in between. */
export class Message {
  #start = 0;
  #at = 0;

  /** Starts with room for the link's header. */
  begin(): void {
    if (block.length - used < MESSAGE_BYTES) {
      block = Buffer.allocUnsafeSlow(BLOCK_BYTES);
      used = 0;
    }
    this.#start = used;
    this.#at = used + LINK_HEADER_BYTES;
  }

  /** Bytes left for frames. */
  get room(): number {
    return this.#start + MESSAGE_BYTES - this.#at;
  }

  get empty(): boolean {
    return this.#at === this.#start + LINK_HEADER_BYTES;
  }

  /** Adds a frame that is encoded already; the caller has looked at `room`. */
  add(frame: Buffer): void {
    block.set(frame, this.#at);
    this.#at += frame.length;
  }

  /** Lets `write` place frames from an offset on, and answer the offset behind them. */
  place(write: (into: Buffer, at: number) => number): void {
    this.#at = write(block, this.#at);
  }

  /** Adds one DATA frame, whose bytes `copy` puts in place; answers how many there were. */
  addData(stream: number, longest: number, copy: (into: Buffer, at: number, longest: number) => number): number {
    const length = copy(block, this.#at + FRAME_HEADER_BYTES, Math.min(longest, this.room - FRAME_HEADER_BYTES));
    writeHeader(block, this.#at, typeAndLength(FRAME.DATA, length), stream);
    this.#at += FRAME_HEADER_BYTES + length;
    return length;
  }

  /** The finished message, with its first LINK_HEADER_BYTES free. */
  finish(): Buffer {
    const message = block.subarray(this.#start, this.#at);
    used = (this.#at + 7) & ~7;
    return message;
  }
}

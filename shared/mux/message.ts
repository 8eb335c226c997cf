// Building one message out of frames, in memory carved from a block that all sessions of the process share.

import { LINK_HEADER_BYTES } from './link.ts';
import { FRAME, FRAME_HEADER_BYTES, MESSAGE_BYTES } from '../wire/frame.ts';
import { typeAndLength, writeHeader } from '../wire/encode.ts';

/** Large enough that changing blocks is rare; small enough that an unacknowledged message pins little. */
const BLOCK_BYTES = 16 * MESSAGE_BYTES;
/** Blocks that wait to be used again. */
const KEPT_BLOCKS = 32;

/** Memory that messages lie in. Fresh memory for each would keep the garbage collector busier than anything else. */
interface Block {
  readonly memory: Buffer;
  /** Who still needs a message in it. */
  holders: number;
}

// Shared, since a message is built without interruption: an idle session owns no block of its own.
let block: Block = newBlock(0);
let used = 0;
const free: Block[] = [];
const blocks = new WeakMap<ArrayBufferLike, Block>();

function newBlock(bytes: number): Block {
  return { memory: Buffer.allocUnsafeSlow(bytes), holders: 0 };
}

/** One more needs the message: whoever is about to write it somewhere. A message from elsewhere needs no holding. */
export function holdMessage(message: Buffer): void {
  const held = blocks.get(message.buffer);
  if (held !== undefined) held.holders++;
}

/**
 * One less needs it. Called once by the link when the message is acknowledged, and once for each `holdMessage`:
 * a peer may acknowledge what still waits in our socket, and its bytes must not become those of somebody else.
 */
export function releaseMessage(message: Buffer): void {
  const held = blocks.get(message.buffer);
  if (held === undefined || --held.holders > 0 || held === block) return;
  if (free.length < KEPT_BLOCKS) free.push(held);
}

function nextBlock(): Block {
  // The one that is full comes back when its last message is released; nobody may hold it any more already.
  if (block.holders === 0 && block.memory.length > 0 && free.length < KEPT_BLOCKS) free.push(block);
  const known = free.pop();
  if (known !== undefined) return known;
  const fresh = newBlock(BLOCK_BYTES);
  blocks.set(fresh.memory.buffer, fresh);
  return fresh;
}

/** One message under construction: begin, add frames, finish; nothing else may run in between. */
export class Message {
  #start = 0;
  #at = 0;

  /** Starts with room for the link's header. */
  begin(): void {
    if (block.memory.length - used < MESSAGE_BYTES) {
      block = nextBlock();
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
    block.memory.set(frame, this.#at);
    this.#at += frame.length;
  }

  /** Lets `write` place frames from an offset on, and answer the offset behind them. */
  place(write: (into: Buffer, at: number) => number): void {
    this.#at = write(block.memory, this.#at);
  }

  /** Adds one DATA frame, whose bytes `copy` puts in place; answers how many there were. */
  addData(stream: number, longest: number, copy: (into: Buffer, at: number, longest: number) => number): number {
    const length = copy(block.memory, this.#at + FRAME_HEADER_BYTES, Math.min(longest, this.room - FRAME_HEADER_BYTES));
    writeHeader(block.memory, this.#at, typeAndLength(FRAME.DATA, length), stream);
    this.#at += FRAME_HEADER_BYTES + length;
    return length;
  }

  /** The finished message, with its first LINK_HEADER_BYTES free; it is the caller's until `releaseMessage`. */
  finish(): Buffer {
    const message = block.memory.subarray(this.#start, this.#at);
    block.holders++;
    used = (this.#at + 7) & ~7;
    return message;
  }
}

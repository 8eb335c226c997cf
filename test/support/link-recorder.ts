// A listener of a link that writes down all it is told, and the numbered messages that links are tested with.

import type { PosternError } from '../../shared/errors.ts';
import { LINK_HEADER_BYTES, type Link, type LinkListener } from '../../shared/mux/link.ts';

export class LinkRecorder implements LinkListener {
  readonly messages: Buffer[] = [];
  readonly transients: Buffer[] = [];
  readonly closes: PosternError[] = [];
  drains = 0;
  replacements = 0;
  /** Calls after close, which no link may make. */
  afterwards = 0;
  /** Done inside each `message` call. */
  onMessage: ((frames: Buffer) => void) | undefined;

  constructor(link?: Link) {
    link?.listen(this);
  }

  message(frames: Buffer): void {
    this.#count();
    this.messages.push(frames);
    this.onMessage?.(frames);
  }

  transient(frames: Buffer): void {
    this.#count();
    this.transients.push(frames);
  }

  drain(): void {
    this.#count();
    this.drains++;
  }

  replaced(): void {
    this.#count();
    this.replacements++;
  }

  close(error: PosternError): void {
    this.#count();
    this.closes.push(error);
  }

  /** The numbers of the messages, in order. */
  get numbers(): number[] {
    return this.messages.map(numberOf);
  }

  #count(): void {
    if (this.closes.length > 0) this.afterwards++;
  }
}

/** A message for `send`: room for the header, a number, and padding that follows from it. */
export function numbered(number: number, bytes = 4): Buffer {
  const message = Buffer.alloc(LINK_HEADER_BYTES + Math.max(4, bytes), number & 0xff);
  message.writeUInt32BE(number, LINK_HEADER_BYTES);
  return message;
}

/** The number of a message that arrived; throws when its bytes are not what was sent. */
export function numberOf(frames: Buffer): number {
  const number = frames.readUInt32BE(0);
  if (!frames.equals(numbered(number, frames.length).subarray(LINK_HEADER_BYTES)))
    throw new Error(`message ${number} arrived with other bytes`);
  return number;
}

export function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

// A head or trailer section that arrives in pieces: kept up to its empty line, and no longer than allowed. Pure.

import type { PosternError } from '../../shared/errors.ts';
import { invalidResponse } from './response-head.ts';

/** Longest head, and longest trailer section, in bytes. */
export const MAX_SECTION = 64 * 1024;
export const SECTION_END = Buffer.from('\r\n\r\n');

const CR = 13;
const LF = 10;

export function sectionTooLong(): PosternError {
  return invalidResponse(`a head of more than ${MAX_SECTION} bytes`);
}

export class Section {
  #bytes = Buffer.alloc(0);
  #length = 0;

  get empty(): boolean {
    return this.#length === 0;
  }

  clear(): void {
    this.#length = 0;
  }

  /** What is there begins like `prefix`, as far as both go. */
  beginsLike(prefix: Buffer): boolean {
    const length = Math.min(prefix.length, this.#length);
    return this.#bytes.compare(prefix, 0, length, 0, length) === 0;
  }

  /**
   * Keeps the chunk's bytes up to the end of the section; answers the position behind that end, or -1 when it is yet to
   * come. Throws PosternError `upstream-response-invalid`.
   */
  hold(chunk: Buffer, position: number): number {
    const before = this.#length;
    const take = Math.min(chunk.length - position, MAX_SECTION + 1 - before);
    this.#reserve(before + take);
    chunk.copy(this.#bytes, before, position, position + take);
    this.#length = before + take;
    const section = this.#bytes.subarray(0, this.#length);
    const end = section.indexOf(SECTION_END, Math.max(0, before - 3));
    refuseBareLineFeed(section, before, end < 0 ? section.length : end);
    if (end < 0 ? section.length > MAX_SECTION : end + 4 > MAX_SECTION) throw sectionTooLong();
    if (end < 0) return -1;
    this.#length = end + 4;
    return position + end + 4 - before;
  }

  /** The text of the whole section, latin1, without its empty line; nothing is kept afterwards. */
  take(): string {
    const text = this.#bytes.toString('latin1', 0, this.#length - 2);
    this.#length = 0;
    return text;
  }

  #reserve(bytes: number): void {
    if (this.#bytes.length >= bytes) return;
    const grown = Buffer.allocUnsafe(Math.max(1024, 2 * bytes));
    this.#bytes.copy(grown, 0, 0, this.#length);
    this.#bytes = grown;
  }
}

/** A line that ends without CR is never going to be completed by more bytes: refused as soon as it is there. */
function refuseBareLineFeed(section: Buffer, from: number, to: number): void {
  let position = section.indexOf(LF, from);
  while (position >= 0 && position < to) {
    if (position === 0 || section[position - 1] !== CR) throw invalidResponse('a bare line feed in the head');
    position = section.indexOf(LF, position + 1);
  }
}

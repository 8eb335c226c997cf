// The reader of an upstream's responses: strict, incremental, pure; fed any split of the bytes, it tells a sink what they say.

import { PosternError } from '../../shared/errors.ts';
import { invalidResponse, readHead, readTrailers } from './response-head.ts';
import { MAX_SECTION, SECTION_END, Section, sectionTooLong } from './section.ts';
import type { Framing, ResponseHead } from './response-head.ts';

export const MAX_INTERIM = 16;
/** Digits of a chunk's size, leading zeros included: 13 stay below 2^53. */
const MAX_SIZE_DIGITS = 13;
/** Bytes of extensions behind one chunk's size. */
const MAX_EXTENSION = 4096;

const CR = 13;
const LF = 10;
const LINE_END = Buffer.from('\r\n');
const PREFIX = Buffer.from('HTTP/1.');

/** Called in the order of the bytes, from inside `read` and `finish`. */
export interface ResponseSink {
  /** A 1xx other than 101. */
  onInterim(head: ResponseHead): void;
  onHead(head: ResponseHead): void;
  /** A slice of the chunk that was fed, not a copy. */
  onBody(slice: Buffer): void;
  /** The response is complete. `rest` is what was fed beyond it: of a 101 the first bytes of the new protocol, else bytes that nobody asked for. */
  onComplete(rawTrailers: readonly string[], rest: Buffer): void;
}

type State =
  | 'idle'
  | 'head'
  | 'length'
  | 'close'
  | 'size'
  | 'extension'
  | 'size-end'
  | 'chunk'
  | 'chunk-cr'
  | 'chunk-lf'
  | 'trailers';

const NOTHING = Buffer.alloc(0);
const NO_TRAILERS: readonly string[] = [];

export class ResponseReader {
  readonly #sink: ResponseSink;
  #state: State = 'idle';
  #method = 'GET';
  #upgrade = false;
  #interim = 0;
  #started = false;
  /** Bytes still to come of the body (`length`) or of the chunk. */
  #left = 0;
  #digits = 0;
  #extension = 0;
  /** A head or trailer section that did not arrive in one piece. */
  readonly #section = new Section();

  constructor(sink: ResponseSink) {
    this.#sink = sink;
  }

  /** The next bytes answer a request of this method; `upgrade` allows 101. */
  expect(method: string, upgrade: boolean): void {
    this.#state = 'head';
    this.#method = method;
    this.#upgrade = upgrade;
    this.#interim = 0;
    this.#started = false;
    this.#section.clear();
  }

  /** True once a byte of the expected response has been read. */
  get started(): boolean {
    return this.#started;
  }

  /** Throws PosternError `upstream-response-invalid`, after which the reader is of no more use. */
  read(chunk: Buffer): void {
    if (chunk.length > 0) this.#started = true;
    let position = 0;
    while (position < chunk.length) position = this.#step(chunk, position);
  }

  /** The upstream ended: completes a response that ends by that, throws `upstream-closed` in the middle of any other. */
  finish(): void {
    if (this.#state === 'close') this.#complete(NO_TRAILERS, NOTHING);
    else if (this.#state !== 'idle') throw new PosternError('upstream-closed');
  }

  /** Reads on from `position`; answers how far it came. */
  #step(chunk: Buffer, position: number): number {
    switch (this.#state) {
      case 'head':
        return this.#readHead(chunk, position);
      case 'length':
      case 'chunk':
        return this.#readCounted(chunk, position);
      case 'close':
        this.#sink.onBody(position === 0 ? chunk : chunk.subarray(position));
        return chunk.length;
      case 'size':
        return this.#readSize(chunk, position);
      case 'extension':
        return this.#readExtension(chunk, position);
      case 'trailers':
        return this.#readTrailers(chunk, position);
      case 'size-end':
      case 'chunk-cr':
      case 'chunk-lf':
        return this.#readLineEnd(chunk, position);
      case 'idle':
        throw invalidResponse('bytes that no request asked for');
    }
  }

  #readHead(chunk: Buffer, position: number): number {
    const section = this.#section;
    const end = section.empty ? chunk.indexOf(SECTION_END, position) : -1;
    if (end >= 0) {
      if (end + 4 - position > MAX_SECTION) throw sectionTooLong();
      return this.#head(chunk.toString('latin1', position, end + 2), chunk, end + 4);
    }
    const next = section.hold(chunk, position);
    // What is certainly no HTTP is said so at once, instead of waiting for the end of a head that may never come.
    if (!section.beginsLike(PREFIX)) throw invalidResponse('it does not begin with HTTP/1.');
    return next < 0 ? chunk.length : this.#head(section.take(), chunk, next);
  }

  #head(text: string, chunk: Buffer, next: number): number {
    const head = readHead(text);
    if (head.status < 200 && head.status !== 101) {
      this.#interim += 1;
      if (this.#interim > MAX_INTERIM) throw invalidResponse(`more than ${MAX_INTERIM} interim responses`);
      this.#sink.onInterim(head);
      return next;
    }
    if (head.status === 101 && !this.#upgrade) throw invalidResponse('101 without a request for an upgrade');
    this.#sink.onHead(head);
    return this.#beginBody(this.#method === 'HEAD' ? 'none' : head.framing, head.length, chunk, next);
  }

  #beginBody(framing: Framing, length: number, chunk: Buffer, next: number): number {
    if (framing === 'none' || (framing === 'length' && length === 0))
      return this.#complete(NO_TRAILERS, chunk.subarray(next));
    if (framing === 'chunked') this.#beginChunk();
    else this.#state = framing;
    this.#left = framing === 'length' ? length : 0;
    return next;
  }

  #beginChunk(): void {
    this.#state = 'size';
    this.#left = 0;
    this.#digits = 0;
    this.#extension = 0;
  }

  #readCounted(chunk: Buffer, position: number): number {
    const end = Math.min(chunk.length, position + this.#left);
    this.#left -= end - position;
    this.#sink.onBody(position === 0 && end === chunk.length ? chunk : chunk.subarray(position, end));
    if (this.#left > 0) return end;
    if (this.#state === 'length') return this.#complete(NO_TRAILERS, chunk.subarray(end));
    this.#state = 'chunk-cr';
    return end;
  }

  #readSize(chunk: Buffer, from: number): number {
    for (let position = from; position < chunk.length; position += 1) {
      const byte = chunk[position] as number;
      const digit = hexDigit(byte);
      if (digit < 0) {
        if (this.#digits === 0 || (byte !== CR && byte !== 59)) throw invalidResponse('a chunk without a valid size');
        this.#state = byte === CR ? 'size-end' : 'extension';
        return position + 1;
      }
      this.#digits += 1;
      if (this.#digits > MAX_SIZE_DIGITS) throw invalidResponse('a chunk size that is too long');
      this.#left = this.#left * 16 + digit;
    }
    return chunk.length;
  }

  #readExtension(chunk: Buffer, from: number): number {
    for (let position = from; position < chunk.length; position += 1) {
      const byte = chunk[position] as number;
      if (byte === CR) {
        this.#state = 'size-end';
        return position + 1;
      }
      if ((byte < 32 && byte !== 9) || byte === 127) throw invalidResponse('a control character in a chunk extension');
      this.#extension += 1;
      if (this.#extension > MAX_EXTENSION) throw invalidResponse('a chunk extension that is too long');
    }
    return chunk.length;
  }

  /** One byte of a CRLF around a chunk. */
  #readLineEnd(chunk: Buffer, position: number): number {
    if (chunk[position] !== (this.#state === 'chunk-cr' ? CR : LF))
      throw invalidResponse('a chunk that does not end where its size says');
    if (this.#state === 'chunk-cr') this.#state = 'chunk-lf';
    else if (this.#state === 'chunk-lf') this.#beginChunk();
    else if (this.#left > 0) this.#state = 'chunk';
    else this.#state = 'trailers';
    return position + 1;
  }

  #readTrailers(chunk: Buffer, position: number): number {
    const section = this.#section;
    if (section.empty) {
      if (chunk[position] === CR && chunk[position + 1] === LF)
        return this.#complete(NO_TRAILERS, chunk.subarray(position + 2));
      // The line end of the last chunk stands in front, so that an empty section ends like any other.
      section.hold(LINE_END, 0);
    }
    const next = section.hold(chunk, position);
    if (next < 0) return chunk.length;
    return this.#complete(readTrailers(section.take().slice(LINE_END.length)), chunk.subarray(next));
  }

  /** Ends the reading of this chunk: what is left of it goes to the sink. */
  #complete(rawTrailers: readonly string[], rest: Buffer): number {
    this.#state = 'idle';
    this.#section.clear();
    this.#sink.onComplete(rawTrailers, rest);
    return Number.MAX_SAFE_INTEGER;
  }
}

function hexDigit(byte: number): number {
  if (byte >= 48 && byte <= 57) return byte - 48;
  const letter = byte | 32;
  return letter >= 97 && letter <= 102 ? letter - 87 : -1;
}

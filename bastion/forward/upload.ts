// The body of a visitor's request on its way to the notebook: at the notebook's pace, in framing of our own.

import type { Duplex, Readable } from 'node:stream';

import { passingTrailers } from './headers.ts';

/** A request's body as a parser hands it out; trailers are there once it has ended. */
export interface UploadBody extends Readable {
  readonly rawTrailers: readonly string[];
}

/** Below this, size line, bytes and line end are copied together: one write instead of three. */
const JOIN_BYTES = 4096;

export class Upload {
  readonly #body: UploadBody;
  readonly #stream: Duplex;
  readonly #chunked: boolean;
  /** Bytes of body passed on. */
  bytes = 0;
  /** All of it has been passed on. */
  complete = false;

  constructor(body: UploadBody, stream: Duplex, chunked: boolean) {
    this.#body = body;
    this.#stream = stream;
    this.#chunked = chunked;
    body.on('data', this.#onData);
    body.on('end', this.#onEnd);
  }

  /** The stream has room again. */
  resume(): void {
    if (!this.complete) this.#body.resume();
  }

  /** Nobody wants the rest: it is read and thrown away, so that the visitor gets to the answer. */
  stop(): void {
    this.#body.off('data', this.#onData);
    this.#body.off('end', this.#onEnd);
    this.#body.resume();
  }

  readonly #onData = (chunk: Buffer): void => {
    this.bytes += chunk.length;
    const room = this.#chunked ? this.#writeChunk(chunk) : this.#stream.write(chunk);
    if (!room) this.#body.pause();
  };

  #writeChunk(chunk: Buffer): boolean {
    const size = `${chunk.length.toString(16)}\r\n`;
    if (chunk.length <= JOIN_BYTES)
      return this.#stream.write(Buffer.concat([Buffer.from(size, 'latin1'), chunk, LINE_END]));
    this.#stream.cork();
    this.#stream.write(size, 'latin1');
    this.#stream.write(chunk);
    const room = this.#stream.write(LINE_END);
    this.#stream.uncork();
    return room;
  }

  readonly #onEnd = (): void => {
    this.complete = true;
    if (!this.#chunked) return;
    const trailers = passingTrailers(this.#body.rawTrailers);
    let text = '0\r\n';
    for (let index = 0; index < trailers.length; index += 2) text += `${trailers[index]}: ${trailers[index + 1]}\r\n`;
    this.#stream.write(`${text}\r\n`, 'latin1');
  };
}

const LINE_END = Buffer.from('\r\n');

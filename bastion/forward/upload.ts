// The body of a visitor's request on its way to the notebook: at the notebook's pace, in framing of our own.

import type { Duplex, Readable } from 'node:stream';

import { passingTrailers } from './headers.ts';

/** Where a request's body comes from. */
export interface UploadSource {
  readonly body: Readable;
  /** Names and values in turn, there once the body has ended. */
  readonly bodyTrailers: readonly string[];
}

export interface UploadPlan {
  readonly chunked: boolean;
  /** For so many milliseconds the visitor may send nothing of it. */
  readonly idleMs: number;
  /** The visitor has been silent for too long. */
  onIdle(): void;
}

/** Below this, size line, bytes and line end are copied together: one write instead of three. */
const JOIN_BYTES = 4096;

export class Upload {
  readonly #source: UploadSource;
  readonly #body: Readable;
  readonly #stream: Duplex;
  readonly #plan: UploadPlan;
  #timer: NodeJS.Timeout | undefined;
  /** Bytes of body passed on. */
  bytes = 0;
  /** All of it has been passed on. */
  complete = false;
  #stopped = false;

  constructor(source: UploadSource, stream: Duplex, plan: UploadPlan) {
    this.#source = source;
    this.#body = source.body;
    this.#stream = stream;
    this.#plan = plan;
    this.#body.on('data', this.#onData);
    this.#body.on('end', this.#onEnd);
    this.#watch();
  }

  /** The stream has room again. */
  resume(): void {
    if (this.complete || this.#stopped) return;
    this.#body.resume();
    this.#watch();
  }

  /** Time counts while the notebook waits for the visitor, not the other way round. */
  #watch(): void {
    this.#timer ??= setTimeout(() => this.#plan.onIdle(), this.#plan.idleMs).unref();
  }

  #unwatch(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** Nobody wants the rest: it is read and thrown away, so that the visitor gets to the answer. */
  stop(): void {
    this.#stopped = true;
    this.#unwatch();
    this.#body.off('data', this.#onData);
    this.#body.off('end', this.#onEnd);
    this.#body.resume();
  }

  readonly #onData = (chunk: Buffer): void => {
    this.bytes += chunk.length;
    this.#timer?.refresh();
    const room = this.#plan.chunked ? this.#writeChunk(chunk) : this.#stream.write(chunk);
    if (room) return;
    this.#body.pause();
    this.#unwatch();
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
    // What another listener of this event has stopped must not look complete.
    if (this.#stopped) return;
    this.complete = true;
    this.#unwatch();
    if (!this.#plan.chunked) return;
    const trailers = passingTrailers(this.#source.bodyTrailers);
    let text = '0\r\n';
    for (let index = 0; index < trailers.length; index += 2) text += `${trailers[index]}: ${trailers[index + 1]}\r\n`;
    this.#stream.write(`${text}\r\n`, 'latin1');
  };
}

const LINE_END = Buffer.from('\r\n');

// What a stream must do, seen from one direction of it: the bytes written, the bytes read, and how both came to an end.

import assert from 'node:assert/strict';

import type { PosternError } from '../../shared/errors.ts';
import type { Stream } from '../../shared/mux/stream.ts';

/** The byte at an offset of a direction, told apart by its key: order, loss and mixing up all show. */
function byteAt(key: number, offset: number): number {
  return (key * 131 + offset * 7 + (offset >>> 8) * 13) & 0xff;
}

/** One end of one stream, as its user sees it. */
export class StreamEnd {
  readonly stream: Stream;
  readonly #outKey: number;
  readonly #inKey: number;
  written = 0;
  read = 0;
  endCalled = false;
  endSeen = false;
  error: PosternError | undefined;
  closed = false;
  /** The code that abort, fail or destroy was called with, and how much was written then. */
  gaveUp: { how: 'abort' | 'fail' | 'destroy'; code: string; written: number } | undefined;
  /** Done inside the next 'data' event. */
  inData: ((end: StreamEnd) => void) | undefined;

  constructor(stream: Stream, opener: boolean) {
    this.stream = stream;
    this.#outKey = stream.id * 2 + (opener ? 0 : 1);
    this.#inKey = stream.id * 2 + (opener ? 1 : 0);
    stream.on('data', (chunk: Buffer) => this.#arrived(chunk));
    stream.on('end', () => (this.endSeen = true));
    stream.on('error', (error) => (this.error = error as PosternError));
    stream.on('close', () => (this.closed = true));
  }

  /** Writing is over, whoever ended it. */
  get done(): boolean {
    return this.endCalled || this.gaveUp !== undefined || this.stream.destroyed;
  }

  write(bytes: number): void {
    if (this.done) return;
    const chunk = Buffer.allocUnsafe(bytes);
    for (let index = 0; index < bytes; index++) chunk[index] = byteAt(this.#outKey, this.written + index);
    this.written += bytes;
    this.stream.write(chunk);
  }

  end(): void {
    if (this.done) return;
    this.endCalled = true;
    this.stream.end();
  }

  giveUp(how: 'abort' | 'fail' | 'destroy', code: 'upstream-failed' | 'upstream-closed'): void {
    if (this.gaveUp !== undefined || this.stream.destroyed) return;
    this.gaveUp = { how, code: how === 'destroy' ? 'stream-cancelled' : code, written: this.written };
    if (how === 'destroy') this.stream.destroy();
    else this.stream[how](code);
  }

  #arrived(chunk: Buffer): void {
    for (let index = 0; index < chunk.length; index++) {
      if (chunk[index] !== byteAt(this.#inKey, this.read + index))
        assert.fail(`stream ${this.stream.id}: byte ${this.read + index} is not the one that was sent`);
    }
    this.read += chunk.length;
    const action = this.inData;
    this.inData = undefined;
    action?.(this);
  }
}

/** Checks, when all has come to rest, what `to` saw of what `from` did. */
export function checkDirection(from: StreamEnd, to: StreamEnd): void {
  const what = `stream ${from.stream.id}`;
  assert.ok(to.read <= from.written, `${what}: more was read than written`);
  if (to.endSeen) {
    assert.ok(from.endCalled, `${what}: an end that nobody called`);
    assert.equal(to.read, from.written, `${what}: an end before all data`);
  }
  if (to.error !== undefined) {
    assert.ok(from.gaveUp !== undefined, `${what}: ended by ${to.error.code} although the other end did not give up`);
    assert.equal(to.error.code, from.gaveUp.code, `${what}: another code than the one given`);
  }
  if (to.gaveUp !== undefined) return;
  // Whoever did not give up itself has learned how it ended.
  assert.ok(to.endSeen || to.error !== undefined, `${what}: neither end nor error`);
  if (from.gaveUp?.how === 'fail') {
    assert.equal(to.read, from.gaveUp.written, `${what}: fail() lost data that was written before`);
  }
}

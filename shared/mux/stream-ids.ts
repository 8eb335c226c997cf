// The numbers of a session's streams: each end counts up in its own half, and none is used twice.

import { PosternError } from '../errors.ts';

const HIGHEST = 0xffff_ffff;

export class StreamIds {
  readonly #highest: number;
  #next: number;
  #peerHighest = 0;

  /** The bastion's are odd, the agent's even. `highest`: where this end's numbers run out. */
  constructor(role: 'bastion' | 'agent', highest = HIGHEST) {
    this.#next = role === 'bastion' ? 1 : 2;
    this.#highest = highest;
  }

  /** No number of this end is left. */
  get exhausted(): boolean {
    return this.#next > this.#highest;
  }

  take(): number {
    const id = this.#next;
    this.#next += 2;
    return id;
  }

  /** The peer opens a stream; throws `stream-id-invalid` unless it is one of its own numbers, above all before. */
  accept(id: number): void {
    if (this.#isOurs(id) || id <= this.#peerHighest) throw new PosternError('stream-id-invalid', String(id));
    this.#peerHighest = id;
  }

  /** Throws `stream-id-invalid` for a stream that never was. */
  check(id: number): void {
    const highest = this.#isOurs(id) ? this.#next - 2 : this.#peerHighest;
    if (id > highest) throw new PosternError('stream-id-invalid', String(id));
  }

  #isOurs(id: number): boolean {
    return id % 2 === this.#next % 2;
  }
}

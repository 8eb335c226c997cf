// How much credit all streams of a tunnel, and all tunnels of a process, may have granted: granted credit can't be taken back.
//
// What streams start with and what windows have grown by are counted apart. Streams whose readers read nothing keep what
// they started with; if that could use up the room for growth, two hundred of them would hold everybody else to the
// smallest window.

import type { CreditBudget } from './credit.ts';

/** What a stream starts with while streams have started with a quarter of the budget: enough for a request, little to hold. */
export const SMALL_CREDIT = 16 * 1024;
const SMALL_FROM = 1 / 4;
/** Windows grow by no more than this in sum, so that however much the present streams take, new ones still open. */
const FOR_GROWTH = 1 / 2;

export class Budget implements CreditBudget {
  readonly #total: number;
  readonly #parent: Budget | undefined;
  #started = 0;
  #grown = 0;

  /** `total` in bytes. Whatever is reserved here is reserved in `parent` too. */
  constructor(total: number, parent?: Budget) {
    this.#total = total;
    this.#parent = parent;
  }

  /** Bytes granted now. */
  get granted(): number {
    return this.#started + this.#grown;
  }

  /** Bytes that can still be granted here and in every parent. */
  get left(): number {
    return Math.min(this.#total - this.granted, this.#parent?.left ?? Infinity);
  }

  get #startSmall(): boolean {
    return this.#started > this.#total * SMALL_FROM || (this.#parent !== undefined && this.#parent.#startSmall);
  }

  /** Room for windows to grow into. */
  get #room(): number {
    const own = Math.min(this.#total * FOR_GROWTH - this.#grown, this.#total - this.granted);
    return Math.min(own, this.#parent === undefined ? Infinity : this.#parent.#room);
  }

  /**
   * For a window of `window` bytes that grows: up to `bytes`, answers how many. It never gets larger than what it leaves
   * to the others: a few readers that were quick and then stopped take a half, a quarter, an eighth, and not everything.
   */
  reserve(bytes: number, window: number): number {
    const got = Math.max(0, Math.min(bytes, Math.floor((this.#room - window) / 2)));
    this.#add(0, got);
    return got;
  }

  /** For a stream that the peer opened with credit it was promised in the handshake: all of it or, answering false, nothing. */
  claim(bytes: number): boolean {
    if (bytes > this.left) return false;
    this.#add(bytes, 0);
    return true;
  }

  /** Gives back what a stream started with, by `open` or `claim`, and what its window has grown by. */
  release(started: number, grown: number): void {
    this.#add(-started, -grown);
  }

  /** The credit a new stream starts with, reserved: `wanted`, or SMALL_CREDIT when many have started, or 0 when nothing is left. */
  open(wanted: number): number {
    const start = this.#startSmall ? Math.min(wanted, SMALL_CREDIT) : wanted;
    if (start > this.left) return 0;
    this.#add(start, 0);
    return start;
  }

  #add(started: number, grown: number): void {
    this.#started += started;
    this.#grown += grown;
    if (this.#parent !== undefined) this.#parent.#add(started, grown);
  }
}

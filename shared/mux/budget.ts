// How much credit all streams of a tunnel, and all tunnels of a process, may have granted: granted credit can't be taken back.

import type { CreditBudget } from './credit.ts';

/** What a stream starts with while the budget is more than half used: enough for a request, little to hold. */
export const SMALL_CREDIT = 16 * 1024;

export class Budget implements CreditBudget {
  readonly #total: number;
  readonly #parent: Budget | undefined;
  #granted = 0;

  /** `total` in bytes. Whatever is reserved here is reserved in `parent` too. */
  constructor(total: number, parent?: Budget) {
    this.#total = total;
    this.#parent = parent;
  }

  /** Bytes granted now. */
  get granted(): number {
    return this.#granted;
  }

  /** Bytes that can still be granted here and in every parent. */
  get left(): number {
    return Math.min(this.#total - this.#granted, this.#parent?.left ?? Infinity);
  }

  get #halfUsed(): boolean {
    return this.#granted > this.#total / 2 || (this.#parent !== undefined && this.#parent.#halfUsed);
  }

  /** Room for windows to grow into: half of the total, so that however much the present streams take, new ones still open. */
  get #room(): number {
    return Math.min(this.#total / 2 - this.#granted, this.#parent === undefined ? Infinity : this.#parent.#room);
  }

  /** For a window that grows: up to `bytes`, answers how many. */
  reserve(bytes: number): number {
    const got = Math.max(0, Math.min(bytes, Math.floor(this.#room)));
    this.#add(got);
    return got;
  }

  /** For a stream that the peer opened with credit it was promised in the handshake: all of it or, answering false, nothing. */
  claim(bytes: number): boolean {
    if (bytes > this.left) return false;
    this.#add(bytes);
    return true;
  }

  release(bytes: number): void {
    this.#add(-bytes);
  }

  /** The credit a new stream starts with, reserved: `wanted`, or SMALL_CREDIT past half of the budget, or 0 when nothing is left. */
  open(wanted: number): number {
    const start = this.#halfUsed ? Math.min(wanted, SMALL_CREDIT) : wanted;
    if (start > this.left) return 0;
    this.#add(start);
    return start;
  }

  #add(bytes: number): void {
    this.#granted += bytes;
    if (this.#parent !== undefined) this.#parent.#add(bytes);
  }
}

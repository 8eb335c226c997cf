// Credit: how many bytes a stream's reader has allowed its writer, counted at both ends.

import { PosternError } from '../errors.ts';
import { MAX_CREDIT } from '../wire/frame.ts';

/** The writer's side: what it may still send. */
export class SendCredit {
  #left: number;

  constructor(initial: number) {
    this.#left = initial;
  }

  get left(): number {
    return this.#left;
  }

  /** Uses up `bytes`; the caller never takes more than is left. */
  take(bytes: number): void {
    this.#left -= bytes;
  }

  /** The reader allowed more. Throws `protocol-error` for nothing, `credit-overflow` for more than can be counted. */
  grant(bytes: number): void {
    if (bytes === 0) throw new PosternError('protocol-error', 'CREDIT of 0 bytes');
    if (this.#left + bytes > MAX_CREDIT) throw new PosternError('credit-overflow');
    this.#left += bytes;
  }
}

/** How far a reader may raise what it has granted: the session's and the process's say in it. */
export interface CreditBudget {
  /** Takes up to `bytes` more for a window of `window` bytes into the budget and answers how many it got. */
  reserve(bytes: number, window: number): number;
}

/** Returned once half of the window has been read: late enough to be rare, early enough that the writer need not stop. */
const RETURN_AT = 1 / 2;
/** A window used up within this many round trips is what holds the writer back. */
const ROUND_TRIPS = 4;
/** No round trip counts as shorter: it shows nothing of what the turns of two busy event loops take. */
const LEAST_ROUND_TRIP_MS = 5;

/** The reader's side: what the writer may still send us, and when to allow it more. */
export class ReceiveCredit {
  /** Bytes granted at the beginning. */
  readonly initial: number;
  #window: number;
  readonly #longest: number;
  readonly #budget: CreditBudget;
  /** Bytes the writer may still send. */
  #allowed: number;
  /** Bytes read and not yet returned. */
  #consumed = 0;
  #returnedAt: number;

  /** The initial window was reserved from the budget by whoever opened the stream. */
  constructor(initial: { window: number; longest: number; now: number }, budget: CreditBudget) {
    this.initial = this.#window = initial.window;
    this.#allowed = initial.window;
    this.#longest = initial.longest;
    this.#returnedAt = initial.now;
    this.#budget = budget;
  }

  /** Bytes granted now; what the budget counts. */
  get window(): number {
    return this.#window;
  }

  /** Bytes the writer may still send. */
  get left(): number {
    return this.#allowed;
  }

  /** `bytes` arrived. Throws `credit-exceeded` when they were not allowed. */
  arrived(bytes: number): void {
    if (bytes > this.#allowed)
      throw new PosternError('credit-exceeded', `${bytes} bytes with ${this.#allowed} allowed`);
    this.#allowed -= bytes;
  }

  /**
   * The reader took `bytes`. Answers how many to grant now (0: not yet): what was read, and more when a whole window
   * goes by within four round trips (20 ms at least), since then the window is shorter than the path.
   */
  consume(bytes: number, now: number, roundTripMs: number): number {
    this.#consumed += bytes;
    if (this.#consumed < this.#window * RETURN_AT) return 0;
    const longEnough = Math.max(roundTripMs, LEAST_ROUND_TRIP_MS);
    const quick = (now - this.#returnedAt) * (this.#window / this.#consumed) < ROUND_TRIPS * longEnough;
    const more = quick ? this.#budget.reserve(Math.min(this.#window, this.#longest - this.#window), this.#window) : 0;
    const grant = this.#consumed + more;
    this.#window += more;
    this.#allowed += grant;
    this.#consumed = 0;
    this.#returnedAt = now;
    return grant;
  }
}

// Turns: which stream sends next. Streams with priority left go first; within each class everybody gets one frame a round.

/** What turns need to know of a stream. */
export interface Sender {
  /** True while it has not used up the bytes it may send ahead of the others. */
  readonly prioritised: boolean;
}

/**
 * Deficit round robin whose deficits are paid at once: since a sender's data can be cut anywhere, one quantum per visit is
 * fair by bytes, and whoever was cut short of it by the end of a message goes on with the next one.
 * Priority is order only; whoever takes turns is bound by the same flight cap.
 */
export class Turns<T extends Sender> {
  // A Set keeps insertion order, answers membership in one step, and forgets a leaving stream at once.
  readonly #first = new Set<T>();
  readonly #rest = new Set<T>();
  readonly #interrupted = new Set<T>();

  get waiting(): number {
    return this.#first.size + this.#interrupted.size + this.#rest.size;
  }

  /** At the end of its class's queue; one that waits already keeps its place. */
  add(sender: T): void {
    if (this.#first.has(sender) || this.#interrupted.has(sender) || this.#rest.has(sender)) return;
    (sender.prioritised ? this.#first : this.#rest).add(sender);
  }

  /** Before the others without priority: its turn was cut short. */
  interrupt(sender: T): void {
    this.#rest.delete(sender);
    if (!this.#first.has(sender)) this.#interrupted.add(sender);
  }

  /** The next sender, taken out of the queue; undefined when nobody waits. */
  next(): T | undefined {
    for (const queue of [this.#first, this.#interrupted, this.#rest]) {
      for (const sender of queue) {
        queue.delete(sender);
        return sender;
      }
    }
    return undefined;
  }

  remove(sender: T): void {
    this.#first.delete(sender);
    this.#interrupted.delete(sender);
    this.#rest.delete(sender);
  }
}

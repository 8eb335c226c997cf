// Buffers that a reader lends to whoever it hands them to, and gets back once they have been written.

const GIVE_BACK = Symbol('give back');

type Lent = Buffer & { [GIVE_BACK]?: () => void };

/** Memory for large reads, used again and again: fresh memory for each costs more in garbage collection than all else. */
export class LendingPool {
  readonly #bytes: number;
  readonly #kept: number;
  readonly #free: Buffer[] = [];

  /** Buffers of `bytes` each, at most `kept` of them waiting. */
  constructor(bytes: number, kept: number) {
    this.#bytes = bytes;
    this.#kept = kept;
  }

  /** A copy of `data` (no longer than the pool's buffers) in lent memory; if nobody gives it back, it is garbage like any other. */
  lend(data: Uint8Array): Buffer {
    const memory = this.#free.pop() ?? Buffer.allocUnsafeSlow(this.#bytes);
    memory.set(data);
    const chunk: Lent = memory.subarray(0, data.length);
    let lent = true;
    chunk[GIVE_BACK] = () => {
      // Never twice: two readers would share it, and one visitor see another's bytes.
      if (!lent) return;
      lent = false;
      if (this.#free.length < this.#kept) this.#free.push(memory);
    };
    return chunk;
  }

  /** Buffers that wait to be lent. */
  get waiting(): number {
    return this.#free.length;
  }
}

/** To be called once nobody looks at the chunk any more, which a Writable says by its write callback; undefined if it wasn't lent. */
export function giveBack(chunk: Buffer): (() => void) | undefined {
  return (chunk as Lent)[GIVE_BACK];
}

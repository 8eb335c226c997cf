// What a stream has received and its reader has not taken yet, kept so that many small pieces cost no more than their bytes.

/** Pieces shorter than this are copied together: a slice would pin the 64 KiB read buffer it lies in. */
const SMALL = 4096;

export class Inbox {
  #chunks: Buffer[] = [];
  #next = 0;
  /** The last chunk is a block of ours, filled so far. */
  #filled = 0;
  #block: Buffer | undefined;

  get empty(): boolean {
    return this.#next === this.#chunks.length;
  }

  add(payload: Buffer): void {
    if (payload.length >= SMALL) {
      this.#block = undefined;
      this.#chunks.push(payload);
      return;
    }
    if (this.#block === undefined || this.empty || this.#filled + payload.length > SMALL) {
      // A first small piece often stays alone: it gets just its size, and only company gets a block.
      const alone = this.empty;
      this.#block = alone ? undefined : Buffer.allocUnsafeSlow(SMALL);
      this.#filled = payload.length;
      if (this.#block === undefined) {
        this.#chunks.push(Buffer.from(payload));
        return;
      }
      payload.copy(this.#block, 0);
      this.#chunks.push(this.#block.subarray(0, this.#filled));
      return;
    }
    payload.copy(this.#block, this.#filled);
    this.#filled += payload.length;
    this.#chunks[this.#chunks.length - 1] = this.#block.subarray(0, this.#filled);
  }

  /** The oldest chunk; only when not empty. */
  take(): Buffer {
    const chunk = this.#chunks[this.#next] as Buffer;
    this.#next++;
    if (this.#next === this.#chunks.length) this.clear();
    else if (this.#next > 64 && this.#next * 2 > this.#chunks.length) {
      this.#chunks.splice(0, this.#next);
      this.#next = 0;
    }
    return chunk;
  }

  clear(): void {
    this.#chunks = [];
    this.#next = 0;
    this.#block = undefined;
  }
}

// Reads the frame headers of one direction of a WebSocket (RFC 6455, 5.2) and tells whether anything but control frames passes; pure.

/** Opcodes from here on are control frames: close, ping, pong. */
const CONTROL = 0x8;

/** Bytes pass it whole and unchanged; what is no WebSocket in the end only makes it count wrongly. */
export class WebSocketFrames {
  /** Bytes of payload that are still to come, and are skipped. */
  #skip = 0;
  /** The bytes of a header that was cut. */
  #have = 0;
  /** As many as the header needs, once its second byte is known. */
  #need = 2;
  #data = false;
  #masked = 0;
  #length = 0;

  /** True when a header of a data frame (text, binary or continuation), or payload of one, is in the chunk. */
  read(chunk: Uint8Array): boolean {
    let at = 0;
    let data = false;
    const end = chunk.length;
    while (at < end) {
      if (this.#skip > 0) {
        const take = Math.min(this.#skip, end - at);
        this.#skip -= take;
        at += take;
        data ||= this.#data;
      } else {
        this.#header(chunk[at] as number);
        at += 1;
        data ||= this.#data;
      }
    }
    return data;
  }

  #header(byte: number): void {
    const index = this.#have++;
    if (index === 0) {
      this.#data = (byte & 0x0f) < CONTROL;
      return;
    }
    if (index === 1) {
      this.#masked = byte & 0x80 ? 4 : 0;
      const short = byte & 0x7f;
      const extended = short === 126 ? 2 : short === 127 ? 8 : 0;
      this.#length = extended === 0 ? short : 0;
      this.#need = 2 + extended + this.#masked;
    } else if (index < this.#need - this.#masked) {
      // Lengths beyond 2^53 don't exist: what claims one is skipped for ever, and harms nobody.
      this.#length = this.#length * 256 + byte;
    }
    if (this.#have < this.#need) return;
    this.#skip = this.#length;
    this.#have = 0;
    this.#need = 2;
  }
}

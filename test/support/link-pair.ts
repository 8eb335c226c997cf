// Two ends of an in-memory link, with what networks do to real ones: latency, holding back, cuts and resumption.

import { PosternError } from '../../shared/errors.ts';
import type { Link, LinkListener } from '../../shared/mux/link.ts';
import { LINK_HEADER_BYTES } from '../../shared/mux/link.ts';

/** One end. Messages arrive in later turns of the event loop, and never while the network is stalled. */
export class MemoryLink implements Link {
  peer!: MemoryLink;
  heard = 0;
  unacknowledged = 0;
  writable = true;
  /** While true nothing arrives here; what was sent waits. */
  stalled = false;
  #listener: LinkListener | undefined;
  #arriving: { bytes: Buffer; transient: boolean }[] = [];
  #scheduled = false;
  #closed = false;

  listen(listener: LinkListener): void {
    this.#listener = listener;
  }

  send(message: Buffer): void {
    if (this.#closed) return;
    this.unacknowledged += message.length;
    this.peer.#arrive(message, false);
  }

  sendTransient(message: Buffer): void {
    if (!this.#closed) this.peer.#arrive(message, true);
  }

  lose(error: PosternError): void {
    this.destroy(error);
  }

  destroy(error: PosternError): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#listener?.close(error);
    setImmediate(() => this.peer.destroy(new PosternError('link-closed')));
  }

  resume(): void {
    this.stalled = false;
    this.#schedule();
  }

  #arrive(bytes: Buffer, transient: boolean): void {
    this.#arriving.push({ bytes, transient });
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => this.#deliver());
  }

  #deliver(): void {
    this.#scheduled = false;
    if (this.stalled || this.#closed) return;
    const batch = this.#arriving;
    this.#arriving = [];
    for (const { bytes, transient } of batch) {
      this.heard += bytes.length;
      const frames = bytes.subarray(LINK_HEADER_BYTES);
      if (transient) this.#listener?.transient(frames);
      else {
        this.#listener?.message(frames);
        this.peer.#acknowledge(bytes.length);
      }
    }
  }

  #acknowledge(bytes: number): void {
    this.unacknowledged -= bytes;
    this.#listener?.drain();
  }
}

export function linkPair(): { bastion: MemoryLink; agent: MemoryLink } {
  const bastion = new MemoryLink();
  const agent = new MemoryLink();
  bastion.peer = agent;
  agent.peer = bastion;
  return { bastion, agent };
}

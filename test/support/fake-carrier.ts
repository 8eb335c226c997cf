// Two ends of a WebSocket that needs no socket: the few members of `ws` that a link uses, and deliveries in a test's hand.

import { EventEmitter } from 'node:events';

import type { Carrier } from '../../shared/link/websocket-link.ts';

class FakeSocket extends EventEmitter {
  bytesRead = 0;
  destroyed = false;
  corks = 0;

  cork(): void {
    this.corks++;
  }

  uncork(): void {
    this.corks--;
  }

  destroy(): void {
    if (this.destroyed) return;
    this.destroyed = true;
    queueMicrotask(() => this.emit('close'));
  }
}

/** One end. What the other sent waits in `arriving` until the test delivers it. */
export class FakeWebSocket extends EventEmitter {
  readonly socket = new FakeSocket();
  peer!: FakeWebSocket;
  binaryType = '';
  readyState = 1;
  /** As if so much waited in the local socket. */
  bufferedAmount = 0;
  paused = true;
  /** What is sent stays in the socket's buffer, as the sender's own memory, until the test writes it. */
  lazy = false;
  readonly #unwritten: { readonly data: Buffer; readonly done: () => void }[] = [];
  readonly arriving: Buffer[] = [];
  /** Everything sent, for tests that look at the wire. */
  readonly sent: Buffer[] = [];
  readonly pongs: Buffer[] = [];
  closedWith: { code: number; reason: string } | undefined;

  get carrier(): Carrier {
    return { webSocket: this, socket: this.socket } as unknown as Carrier;
  }

  send(data: Buffer, _options?: object, done: () => void = () => undefined): void {
    if (this.readyState !== 1) return queueMicrotask(done);
    this.#unwritten.push({ data, done });
    if (!this.lazy) this.write();
  }

  /** Up to `count` messages get from the socket's buffer into the kernel's, which has its own copy. */
  write(count = Infinity): void {
    for (let written = 0; written < count; written++) {
      const next = this.#unwritten.shift();
      if (next === undefined) return;
      const bytes = Buffer.from(next.data);
      this.sent.push(bytes);
      this.peer.arriving.push(bytes);
      queueMicrotask(next.done);
    }
  }

  pong(data: Buffer): void {
    this.pongs.push(data);
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
  }

  terminate(): void {
    this.readyState = 3;
    this.socket.destroy();
    // What was not written never will be; its writers are told.
    for (const { done } of this.#unwritten.splice(0)) queueMicrotask(done);
  }

  close(code: number, reason: string): void {
    if (this.readyState !== 1) return;
    this.readyState = 2;
    this.closedWith = { code, reason };
  }

  /** Hands over up to `count` messages, as `ws` does in one read; even after terminate(), as `ws` does. Answers how many. */
  deliver(count = Infinity): number {
    let delivered = 0;
    while (!this.paused && delivered < count) {
      const bytes = this.arriving.shift();
      if (bytes === undefined) break;
      delivered++;
      this.socket.bytesRead += bytes.length;
      this.emit('message', bytes, true);
    }
    return delivered;
  }

  /** The connection is gone: 'close', as `ws` emits it. */
  die(code = 1006, reason = ''): void {
    if (this.readyState === 3) return;
    this.readyState = 3;
    this.socket.destroy();
    this.emit('close', code, Buffer.from(reason));
  }
}

export function fakeCarriers(lazy = false): { bastion: FakeWebSocket; agent: FakeWebSocket } {
  const bastion = new FakeWebSocket();
  const agent = new FakeWebSocket();
  bastion.lazy = agent.lazy = lazy;
  bastion.peer = agent;
  agent.peer = bastion;
  return { bastion, agent };
}

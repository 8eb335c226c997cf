// A TCP relay that does to connections what networks do: delay, jitter, a slow line with a queue, stalls, black holes, cuts.

import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

export interface RelayOptions {
  /** The port that connections are relayed to. */
  readonly target: number;
  /** Where that is; nothing: 127.0.0.1. */
  readonly targetHost?: string;
  /** Where the relay listens; nothing: 127.0.0.1. */
  readonly host?: string;
  /** The relay's own port; 0 or nothing: any. */
  readonly port?: number;
  /** One way, in milliseconds; the round trip is twice that. */
  readonly delayMs?: number;
  /** Up to so many milliseconds more for each chunk; order is kept, so that what follows waits too. */
  readonly jitterMs?: number;
  /** Bytes per millisecond in each direction, all connections together (125 is 1 Mbit/s); nothing: unlimited. */
  readonly bandwidth?: number;
  /** Most bytes that wait in front of the slow line, per connection; then the sender is slowed down by TCP. */
  readonly queueBytes?: number;
}

const QUEUE_BYTES = 4 * 1024 * 1024;
const PIECE_BYTES = 4 * 1024;

/** One direction of all connections: a line that sends one chunk after another. */
class Line {
  readonly #bandwidth: number;
  #freeAt = 0;

  constructor(bandwidth: number) {
    this.#bandwidth = bandwidth;
  }

  /** Milliseconds until a chunk that is given now has left. */
  occupy(bytes: number, now: number): number {
    this.#freeAt = Math.max(this.#freeAt, now) + bytes / this.#bandwidth;
    return this.#freeAt - now;
  }
}

/** What is on its way in one direction of a connection, in order: timers of their own could overtake each other. */
class Transit {
  readonly #queue: { readonly due: number; readonly arrive: () => void }[] = [];
  #timer: NodeJS.Timeout | undefined;

  after(ms: number, arrive: () => void): void {
    this.#queue.push({ due: performance.now() + ms, arrive });
    this.#run();
  }

  drop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#queue.length = 0;
  }

  #run(): void {
    if (this.#timer !== undefined) return;
    for (let head = this.#queue[0]; head !== undefined; head = this.#queue[0]) {
      // Node's timers are good to a millisecond, and one that is half a millisecond early does no harm.
      const wait = head.due - performance.now();
      if (wait > 0.5) {
        this.#timer = setTimeout(() => {
          this.#timer = undefined;
          this.#run();
        }, wait);
        return;
      }
      this.#queue.shift();
      head.arrive();
    }
  }
}

interface Relayed {
  readonly sockets: readonly [Socket, Socket];
  readonly transits: readonly [Transit, Transit];
}

export class TcpRelay {
  readonly #server: Server;
  readonly #options: RelayOptions;
  readonly #lines: readonly [Line, Line];
  readonly #relayed = new Set<Relayed>();
  /** A slow line sends in pieces, or what is small would wait for 64 KiB to arrive as one. */
  readonly #piece: number;
  #hole = false;
  #cutAt = Infinity;
  #stalledUntil = 0;
  #delayMs: number;
  #jitterMs: number;
  /** Bytes passed on, both ways together. */
  passed = 0;
  /** Connections taken so far. */
  taken = 0;
  /** While true, newcomers are reset. */
  refusing = false;

  constructor(options: RelayOptions) {
    this.#options = options;
    this.#delayMs = options.delayMs ?? 0;
    this.#jitterMs = options.jitterMs ?? 0;
    const { bandwidth = Infinity } = options;
    this.#piece = options.bandwidth === undefined ? Infinity : PIECE_BYTES;
    this.#lines = [new Line(bandwidth), new Line(bandwidth)];
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#take(socket));
  }

  static async start(options: RelayOptions): Promise<TcpRelay> {
    const relay = new TcpRelay(options);
    relay.#server.listen(options.port ?? 0, options.host ?? '127.0.0.1');
    await once(relay.#server, 'listening');
    return relay;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Connections open now. */
  get connections(): number {
    return this.#relayed.size;
  }

  /** Resets every connection, both ends. */
  cut(): void {
    for (const relayed of this.#relayed) this.#end(relayed, true);
  }

  /** Resets every connection once so many more bytes have passed. */
  cutAfter(bytes: number): void {
    this.#cutAt = this.passed + bytes;
  }

  /** Another path from now on, for what is given from now on. */
  become(path: { readonly delayMs?: number; readonly jitterMs?: number }): void {
    this.#delayMs = path.delayMs ?? this.#delayMs;
    this.#jitterMs = path.jitterMs ?? this.#jitterMs;
  }

  /** Nothing that is given from now on arrives for so long; then everything does. */
  stall(ms: number): void {
    this.#stalledUntil = performance.now() + ms;
  }

  /** From now on nothing passes, and nothing closes: both ends are left with half-open connections. */
  blackHole(): void {
    this.#hole = true;
    for (const { sockets, transits } of this.#relayed) {
      for (const transit of transits) transit.drop();
      for (const socket of sockets) socket.pause();
    }
  }

  /** Newcomers pass again; connections that fell into the hole stay there until `cut`. */
  heal(): void {
    this.#hole = false;
  }

  async close(): Promise<void> {
    this.#server.close();
    this.cut();
    if (this.#server.listening) await once(this.#server, 'close');
  }

  #take(near: Socket): void {
    this.taken++;
    if (this.refusing) return void near.resetAndDestroy();
    const { target: port, targetHost: host = '127.0.0.1' } = this.#options;
    const far = connect({ port, host, allowHalfOpen: true, noDelay: true });
    const relayed: Relayed = { sockets: [near, far], transits: [new Transit(), new Transit()] };
    this.#relayed.add(relayed);
    this.#pass(relayed, 0);
    this.#pass(relayed, 1);
  }

  #pass(relayed: Relayed, direction: 0 | 1): void {
    const { queueBytes = QUEUE_BYTES } = this.#options;
    const from = relayed.sockets[direction];
    const to = relayed.sockets[direction === 0 ? 1 : 0];
    const line = this.#lines[direction];
    let queued = 0;
    const later = (bytes: number, arrive: () => void): void => {
      const now = performance.now();
      const held = Math.max(0, this.#stalledUntil - now) + this.#delayMs + this.#jitterMs * Math.random();
      relayed.transits[direction].after(line.occupy(bytes, now) + held, arrive);
    };
    const resume = (): void => {
      if (!this.#hole && queued <= queueBytes && !to.writableNeedDrain) from.resume();
    };
    const pass = (chunk: Buffer): void => {
      later(chunk.length, () => {
        queued -= chunk.length;
        if (to.destroyed) return;
        if (!to.write(chunk)) from.pause();
        resume();
        this.#count(chunk.length);
      });
    };
    from.on('data', (chunk: Buffer) => {
      if (this.#hole) return;
      queued += chunk.length;
      if (queued > queueBytes) from.pause();
      for (let at = 0; at < chunk.length; at += this.#piece) pass(chunk.subarray(at, at + this.#piece));
    });
    to.on('drain', resume);
    from.on('end', () => later(0, () => to.end()));
    from.on('error', () => this.#end(relayed, true));
    // After a full close both directions have ended; otherwise what is left has nowhere to go.
    from.on('close', () => {
      if (!this.#hole) later(0, () => this.#end(relayed, !to.writableEnded));
    });
  }

  #count(bytes: number): void {
    this.passed += bytes;
    if (this.passed < this.#cutAt) return;
    this.#cutAt = Infinity;
    this.cut();
  }

  #end(relayed: Relayed, reset: boolean): void {
    if (!this.#relayed.delete(relayed)) return;
    for (const transit of relayed.transits) transit.drop();
    for (const socket of relayed.sockets) {
      if (reset && !socket.connecting) socket.resetAndDestroy();
      else socket.destroy();
    }
  }
}

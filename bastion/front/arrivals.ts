// Connections as they arrive, before TLS: readers look at how each begins, one after the other, then it is handed on.

import { createServer, type Server, type Socket } from 'node:net';

import { asPosternError, PosternError } from '../../shared/errors.ts';
import { plainAddress } from './visitor-address.ts';

/** A connection that nobody serves yet, and what the readers have learnt of it. */
export interface Arrival {
  readonly socket: Socket;
  /** Who is at the other end, as far as is known. */
  address: string;
  /** As the ClientHello has it; unchecked. */
  serverName: string | undefined;
}

/**
 * Looks at all bytes that came and that no reader before it consumed. Answers `more`, or how many of them it consumes: 0
 * when it only looked. Throws PosternError when the connection is to be refused.
 */
export type ArrivalReader = (arrival: Arrival, bytes: Buffer) => 'more' | number;

export interface ArrivalsOptions {
  readonly readers: readonly ArrivalReader[];
  /** For everything that is read before TLS, in milliseconds. */
  readonly timeoutMs: number;
  /** Bytes of unfinished beginnings that are held for all connections together. */
  readonly heldBytes: number;
  readonly maxConnections: number | undefined;
  /** The socket is paused, begins with what was not consumed, and is the callee's from now on. Must not throw. */
  arrived(arrival: Arrival): void;
  /** The same for a connection that is to be refused. */
  refused(arrival: Arrival, error: PosternError): void;
}

/** Dead visitors are found by the kernel: no timeout of ours can tell them from a long poll. */
const KEEP_ALIVE_PROBE_MS = 30_000;

export class Arrivals {
  /** To be made to listen. */
  readonly server: Server;
  readonly #options: ArrivalsOptions;
  readonly #waiting = new Set<Beginning>();
  #held = 0;

  constructor(options: ArrivalsOptions) {
    this.#options = options;
    this.server = createServer(
      { allowHalfOpen: true, noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_PROBE_MS },
      (socket) => void this.#waiting.add(new Beginning(socket, this.#options, this)),
    );
    if (options.maxConnections !== undefined) this.server.maxConnections = options.maxConnections;
  }

  /** Connections whose beginning is being read. */
  get size(): number {
    return this.#waiting.size;
  }

  /** Ends those that are still being read. */
  destroy(): void {
    for (const { arrival } of this.#waiting) arrival.socket.destroy();
  }

  /** Counts bytes that are held, or no more; throws PosternError `hello-limit` when they are too many. */
  hold(bytes: number): void {
    this.#held += bytes;
    if (bytes > 0 && this.#held > this.#options.heldBytes) throw new PosternError('hello-limit');
  }

  leave(beginning: Beginning): void {
    this.#waiting.delete(beginning);
  }
}

/**
 * Stays for good: who takes over has listeners of its own, and the close tells the rest. A function of the file's, because
 * one made by a beginning would hold on to it, and to its bytes, for as long as the connection lives.
 */
function unheard(): void {}

/** The beginning of one connection, while it is read. */
class Beginning {
  readonly arrival: Arrival;
  readonly #options: ArrivalsOptions;
  readonly #arrivals: Arrivals;
  readonly #timer: NodeJS.Timeout;
  #bytes: Buffer = Buffer.alloc(0);
  /** Of `bytes`, as counted by the arrivals. */
  #held = 0;
  #reader = 0;

  constructor(socket: Socket, options: ArrivalsOptions, arrivals: Arrivals) {
    this.arrival = { socket, address: plainAddress(socket.remoteAddress), serverName: undefined };
    this.#options = options;
    this.#arrivals = arrivals;
    this.#timer = setTimeout(() => this.#refuse(new PosternError('hello-timeout')), options.timeoutMs);
    socket.on('error', unheard);
    socket.on('data', this.#onData).on('end', this.#onEnd).on('close', this.#leave);
  }

  #read(chunk: Buffer): void {
    this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk]);
    const { readers, arrived } = this.#options;
    for (; this.#reader < readers.length; this.#reader++) {
      const consumed = (readers[this.#reader] as ArrivalReader)(this.arrival, this.#bytes);
      if (consumed === 'more') return this.#hold();
      this.#bytes = this.#bytes.subarray(consumed);
    }
    this.#leave();
    if (this.#bytes.length > 0) this.arrival.socket.unshift(this.#bytes);
    arrived(this.arrival);
  }

  #hold(): void {
    const more = this.#bytes.length - this.#held;
    this.#held = this.#bytes.length;
    this.#arrivals.hold(more);
  }

  #refuse(error: unknown): void {
    this.#leave();
    this.#options.refused(this.arrival, asPosternError(error));
  }

  readonly #onData = (chunk: Buffer): void => {
    try {
      this.#read(chunk);
    } catch (error) {
      this.#refuse(error);
    }
  };

  readonly #onEnd = (): void => void this.arrival.socket.destroy();

  readonly #leave = (): void => {
    const { socket } = this.arrival;
    clearTimeout(this.#timer);
    socket.off('data', this.#onData).off('end', this.#onEnd).off('close', this.#leave);
    socket.pause();
    this.#arrivals.hold(-this.#held);
    this.#held = 0;
    this.#arrivals.leave(this);
  };
}

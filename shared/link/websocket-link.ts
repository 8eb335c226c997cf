// A link over WebSockets: counts messages, keeps what is not acknowledged, and outlives the WebSocket it runs on.

import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import { PosternError, asPosternError, isErrorCode } from '../errors.ts';
import { systemClock, type Clock } from '../mux/clock.ts';
import { holdMessage, releaseMessage } from '../mux/message.ts';
import { LINK_HEADER_BYTES, type Link, type LinkListener } from '../mux/link.ts';
import { KIND, readLinkHeader, writeLinkHeader } from './link-header.ts';
import { Replay } from './replay.ts';

/** A WebSocket with the socket below it, whose byte count and buffer the link looks at. */
export interface Carrier {
  readonly webSocket: WebSocket;
  readonly socket: Duplex & { readonly bytesRead?: number };
}

export interface LinkOptions {
  readonly clock?: Clock;
  /** How long a lost link waits to be resumed, in ms; 0: it closes at once. */
  readonly graceMs?: number;
  /** The WebSocket is gone and the link waits; called with why. */
  onLost?(error: PosternError): void;
}

/** Unacknowledged bytes from which the end of a read turn is acknowledged at once. */
const ACKNOWLEDGE_BYTES = 16 * 1024;
/** Longest that an acknowledgement is held back. */
const ACKNOWLEDGE_MS = 20;
/** More than this waiting in the local socket, and the session holds its data back. */
const HIGH_WATER = 256 * 1024;

export class WebSocketLink implements Link {
  readonly #options: LinkOptions;
  readonly #clock: Clock;
  readonly #replay = new Replay();
  #listener: LinkListener | undefined;
  #carrier: Carrier | undefined;
  /** Raised whenever a carrier is dropped: what the old one still delivers belongs to an epoch that is over. */
  #epoch = 0;
  #received = 0;
  /** The count that the peer was last told, and the bytes received since. */
  #told = 0;
  #untold = 0;
  #turnEnds = false;
  #timer: unknown;
  #grace: unknown;
  #corked = false;
  #closed: PosternError | undefined;

  constructor(carrier: Carrier, options: LinkOptions = {}) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#adopt(carrier);
  }

  listen(listener: LinkListener): void {
    this.#listener = listener;
    if (this.#closed !== undefined) return listener.close(this.#closed);
    // Handed over paused: nothing was read, and so nothing counted, before somebody listens.
    this.#carrier?.webSocket.resume();
  }

  send(message: Buffer): void {
    if (this.#closed !== undefined) return;
    this.#replay.add(message);
    this.#transmit(message, KIND.COUNTED);
  }

  sendTransient(message: Buffer): void {
    this.#transmit(message, KIND.TRANSIENT);
  }

  get writable(): boolean {
    return this.#carrier !== undefined && this.#carrier.webSocket.bufferedAmount < HIGH_WATER;
  }

  get unacknowledged(): number {
    return this.#replay.bytes;
  }

  get heard(): number {
    return this.#carrier?.socket.bytesRead ?? 0;
  }

  /** Messages received so far, for the proof of a resumption. Only true once `release` was called: until then more may come. */
  get received(): number {
    return this.#received;
  }

  /** True while the link has no WebSocket and waits for one. */
  get waiting(): boolean {
    return this.#carrier === undefined && this.#closed === undefined;
  }

  get closed(): boolean {
    return this.#closed !== undefined;
  }

  /** Lets go of the WebSocket at once, whatever it still holds, so that the received count is final. */
  release(): void {
    const carrier = this.#carrier;
    if (carrier === undefined) return;
    this.#carrier = undefined;
    this.#epoch++;
    this.#clock.clearTimeout(this.#timer);
    this.#timer = undefined;
    // Seen: `ws` emits dozens of buffered messages after terminate().
    carrier.webSocket.removeAllListeners();
    carrier.webSocket.on('error', () => undefined);
    carrier.webSocket.terminate();
    carrier.socket.destroy();
  }

  /**
   * Goes on over another WebSocket, whose peer has received `received` messages of ours: sends it what it lacks.
   * Throws `acknowledgement-invalid` when that count can't be, with the link unharmed, and `session-unknown` when it has closed.
   */
  resume(carrier: Carrier, received: number): void {
    if (this.#closed !== undefined) throw new PosternError('session-unknown', this.#closed.message);
    const lacking = this.#replay.after(received);
    this.release();
    this.#clock.clearTimeout(this.#grace);
    this.#grace = undefined;
    this.#adopt(carrier);
    for (const message of lacking) this.#transmit(message, KIND.COUNTED);
    this.#listener?.replaced();
  }

  lose(error: PosternError): void {
    if (this.#carrier === undefined || this.#closed !== undefined) return;
    this.release();
    const graceMs = this.#options.graceMs ?? 0;
    if (graceMs === 0) return this.destroy(error);
    this.#grace = this.#clock.setTimeout(() => this.destroy(error), graceMs);
    this.#options.onLost?.(error);
  }

  destroy(error: PosternError): void {
    if (this.#closed !== undefined) return;
    this.#closed = error;
    this.#clock.clearTimeout(this.#grace);
    this.#farewell(error);
    this.#replay.clear();
    this.#listener?.close(error);
  }

  /** A close frame tells the peer not to wait for a resumption; the socket is gone soon after, whether it answers or not. */
  #farewell(error: PosternError): void {
    const carrier = this.#carrier;
    if (carrier === undefined || error.code === 'link-dead' || error.code === 'link-closed') return this.release();
    this.#carrier = undefined;
    this.#epoch++;
    this.#clock.clearTimeout(this.#timer);
    carrier.webSocket.removeAllListeners();
    carrier.webSocket.on('error', () => undefined);
    carrier.webSocket.close(CLOSE_FINAL, error.code);
    const kill = this.#clock.setTimeout(() => carrier.socket.destroy(), FAREWELL_MS);
    carrier.socket.once('close', () => this.#clock.clearTimeout(kill));
  }

  #adopt(carrier: Carrier): void {
    this.#carrier = carrier;
    this.#told = this.#received;
    this.#untold = 0;
    const epoch = this.#epoch;
    const current = () => epoch === this.#epoch && this.#closed === undefined;
    const { webSocket, socket } = carrier;
    webSocket.binaryType = 'nodebuffer';
    webSocket.on('message', (data: Buffer, isBinary: boolean) => {
      if (!current()) return;
      if (!isBinary) return this.destroy(new PosternError('protocol-error', 'a text message'));
      this.#arrived(data);
    });
    webSocket.on('error', (cause) => {
      if (current()) this.#failed(cause);
    });
    webSocket.on('close', (code, reason) => {
      if (current()) this.#closedByPeer(code, reason.toString());
    });
    // Pings of the WebSocket's own are nothing we send; a peer that sends many and reads no answers gets none.
    webSocket.on('ping', (data: Buffer) => {
      if (current() && this.writable) webSocket.pong(data);
    });
    socket.on('drain', () => {
      if (current()) this.#listener?.drain();
    });
    if (this.#listener !== undefined) webSocket.resume();
    // It may have died on the way here, with nobody listening: 'close' would never come.
    if (webSocket.readyState === WEBSOCKET_OPEN) return;
    setImmediate(() => {
      if (current()) this.lose(new PosternError('link-closed', 'the WebSocket closed before it was used'));
    });
  }

  #failed(cause: Error & { code?: string }): void {
    if (cause.code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH') return this.destroy(new PosternError('message-too-large'));
    // `ws` reports broken framing as an error with a code of its own; a broken network has the system's.
    if (cause.code?.startsWith('WS_ERR_') === true) {
      return this.destroy(new PosternError('protocol-error', cause.message, { cause }));
    }
    this.lose(new PosternError('link-closed', cause.message, { cause }));
  }

  #closedByPeer(code: number, reason: string): void {
    if (code !== CLOSE_FINAL) return this.lose(new PosternError('link-closed', `WebSocket close code ${code}`));
    // Said on purpose, with our code as reason: nothing is left there to resume.
    this.release();
    this.destroy(new PosternError(isErrorCode(reason) ? reason : 'link-closed', 'said by the other end'));
  }

  #arrived(message: Buffer): void {
    try {
      const { kind, acknowledged } = readLinkHeader(message);
      if (this.#replay.acknowledge(acknowledged)) this.#listener?.drain();
      if (this.#closed !== undefined) return;
      const frames = message.subarray(LINK_HEADER_BYTES);
      if (kind === KIND.TRANSIENT) {
        if (frames.length > 0) this.#listener?.transient(frames);
        return;
      }
      this.#received++;
      this.#untold += message.length;
      this.#listener?.message(frames);
      this.#oweAcknowledgement();
    } catch (error) {
      this.destroy(asPosternError(error));
    }
  }

  #oweAcknowledgement(): void {
    if (this.#carrier === undefined) return;
    if (this.#untold >= ACKNOWLEDGE_BYTES && !this.#turnEnds) {
      this.#turnEnds = true;
      setImmediate(() => {
        this.#turnEnds = false;
        this.#acknowledge();
      });
    }
    this.#timer ??= this.#clock.setTimeout(() => {
      this.#timer = undefined;
      this.#acknowledge();
    }, ACKNOWLEDGE_MS);
  }

  #acknowledge(): void {
    if (this.#told === this.#received || this.#carrier === undefined) return;
    this.#transmit(Buffer.alloc(LINK_HEADER_BYTES), KIND.TRANSIENT);
  }

  #transmit(message: Buffer, kind: number): void {
    const carrier = this.#carrier;
    if (carrier === undefined || this.#closed !== undefined) return;
    // A repeated message may still lie in the old socket's buffer, but that socket is destroyed: writing into it harms nobody.
    writeLinkHeader(message, kind, this.#received);
    this.#told = this.#received;
    this.#untold = 0;
    this.#cork(carrier.socket);
    // Held until it is written: an acknowledgement proves nothing about our own buffers.
    holdMessage(message);
    carrier.webSocket.send(message, SEND_OPTIONS, () => releaseMessage(message));
  }

  /** One system call for all messages of this turn. */
  #cork(socket: Duplex): void {
    if (this.#corked) return;
    this.#corked = true;
    socket.cork();
    queueMicrotask(() => {
      this.#corked = false;
      socket.uncork();
    });
  }
}

const SEND_OPTIONS = { binary: true, compress: false, fin: true } as const;
/** Our close code for "for good" (RFC 6455, 7.4.2: 4000-4999 are for private use). */
const CLOSE_FINAL = 4000;
const FAREWELL_MS = 2_000;
/** `readyState` of a WebSocket in use (RFC: the WebSocket interface of HTML). */
const WEBSOCKET_OPEN = 1;

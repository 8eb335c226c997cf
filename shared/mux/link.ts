// The seam between a session and whatever carries its bytes: a WebSocket, or an in-memory pair in tests.

import type { PosternError } from '../errors.ts';

/** What a link tells the session that runs over it. Set once, before any byte can arrive. */
export interface LinkListener {
  /** Whole frames, in the order the peer sent them, each message exactly once. The buffer is the listener's to keep. */
  message(frames: Buffer): void;
  /** Frames sent with `sendTransient`: may have been lost or overtaken. */
  transient(frames: Buffer): void;
  /** `writable` became true again, or an acknowledgement made `unacknowledged` shrink. */
  drain(): void;
  /** The carrier under the link was replaced; what was in flight is being sent again. */
  replaced(): void;
  /** The link is gone for good; called once, after which the link calls nothing more. */
  close(error: PosternError): void;
}

/** Contract (tested by test/contract/link): calls after close are ignored; no listener call happens inside `send`. */
export interface Link {
  listen(listener: LinkListener): void;
  /** Takes ownership of `message`, whose first LINK_HEADER_BYTES are left free for the link's own header. Ordered, delivered once. */
  send(message: Buffer): void;
  /** The same layout for PING and PONG: never counted, kept or repeated, so they do not wait behind data. */
  sendTransient(message: Buffer): void;
  /** False while the carrier has more queued than it should, or is missing; sending stays allowed. */
  readonly writable: boolean;
  /** Bytes given to `send` that the peer has not acknowledged yet. */
  readonly unacknowledged: number;
  /** Total bytes that the present carrier has received, growing with each byte: what liveness is judged by. */
  readonly heard: number;
  /** The carrier is presumed dead: dropped at once. A link that can be resumed waits for another; any other closes. */
  lose(error: PosternError): void;
  /** Closes for good, at once; `error` is what the listener's `close` gets. */
  destroy(error: PosternError): void;
}

/** Room that a session leaves at the front of every message for `kind u8 | acknowledged u56`. */
export const LINK_HEADER_BYTES = 8;

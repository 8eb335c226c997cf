// The other end of a session, in a test's hand: it sends whatever frames it is told to, and reads what it is sent.

import type { PosternError } from '../../shared/errors.ts';
import { LINK_HEADER_BYTES } from '../../shared/mux/link.ts';
import { Session, type SessionOptions } from '../../shared/mux/session.ts';
import type { Stream } from '../../shared/mux/stream.ts';
import type { FRAME } from '../../shared/wire/frame.ts';
import { FakeClock } from './fake-clock.ts';
import { readFrames, type Frame } from './frames.ts';
import { linkPair, type MemoryLink } from './link-pair.ts';
import { LIMITS, type Side } from './session-pair.ts';

export class RawPeer {
  readonly link: MemoryLink;
  readonly session: Session;
  readonly clock = new FakeClock();
  /** Streams that the session took from us. */
  readonly accepted: Stream[] = [];
  /** Their errors, as they came. */
  readonly errors: PosternError[] = [];
  /** What arrived in counted messages, and in transient ones. */
  readonly frames: Frame[] = [];
  readonly transients: Frame[] = [];
  /** Why the session ended. */
  error: PosternError | undefined;

  /** `role` of the session that is tested; we are the other. */
  constructor(role: Side = 'bastion', options: Partial<SessionOptions> = {}) {
    const pair = linkPair();
    this.link = role === 'bastion' ? pair.agent : pair.bastion;
    this.link.listen({
      message: (frames) => void this.frames.push(...readFrames(frames).frames),
      transient: (frames) => void this.transients.push(...readFrames(frames).frames),
      drain: () => undefined,
      replaced: () => undefined,
      close: () => undefined,
    });
    this.session = new Session(pair[role], {
      role,
      own: LIMITS,
      peer: LIMITS,
      clock: this.clock,
      onStream: (stream) => {
        this.accepted.push(stream);
        stream.on('error', (error) => this.errors.push(error as PosternError));
      },
      ...options,
    });
    void this.session.closed.then((error) => (this.error = error));
  }

  /** A counted message of these frames. */
  send(...frames: readonly Uint8Array[]): void {
    this.link.send(Buffer.concat([Buffer.alloc(LINK_HEADER_BYTES), ...frames]));
  }

  sendTransient(...frames: readonly Uint8Array[]): void {
    this.link.sendTransient(Buffer.concat([Buffer.alloc(LINK_HEADER_BYTES), ...frames]));
  }

  /** What arrived of a type, in order. */
  of(type: (typeof FRAME)[keyof typeof FRAME]): Frame[] {
    return this.frames.filter((frame) => frame.type === type);
  }
}

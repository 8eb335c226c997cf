// Reading and making frames in tests: whole messages to lists, and arbitrary valid frames for fast-check.

import fc from 'fast-check';

import { isErrorCode, type ErrorCode } from '../../shared/errors.ts';
import { decodeFrame, type FrameView } from '../../shared/wire/decode.ts';
import { frameOf, openingPayload } from '../../shared/wire/encode.ts';
import { FRAME, type FrameType } from '../../shared/wire/frame.ts';

export interface Frame {
  readonly type: number;
  readonly stream: number;
  readonly payload: Buffer;
}

/** All whole frames of a message, and why reading stopped; throws whatever is not a coded error. */
export function readFrames(message: Buffer): { frames: Frame[]; stopped: 'end' | 'incomplete' | ErrorCode } {
  const view: FrameView = { type: 0, stream: 0, start: 0, end: 0 };
  const frames: Frame[] = [];
  let offset = 0;
  try {
    while (offset < message.length) {
      const next = decodeFrame(message, offset, view);
      if (next < 0) return { frames, stopped: 'incomplete' };
      frames.push({ type: view.type, stream: view.stream, payload: message.subarray(view.start, view.end) });
      offset = next;
    }
  } catch (error) {
    const code: unknown = (error as { code?: unknown }).code;
    if (!isErrorCode(code)) throw error;
    return { frames, stopped: code };
  }
  return { frames, stopped: 'end' };
}

/** A number as the u32 payload of RESET and CREDIT. */
export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** An OPEN frame. */
export function openFrame(stream: number, credit: number, service = 'web', visitor = ''): Buffer {
  return frameOf(FRAME.OPEN, stream, openingPayload({ service, visitor, credit }));
}

const streamId = fc.integer({ min: 1, max: 0xffff_ffff });
const bytes = (minLength: number, maxLength: number): fc.Arbitrary<Uint8Array> =>
  fc.uint8Array({ minLength, maxLength });

function of(type: FrameType, stream: fc.Arbitrary<number>, payload: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Frame> {
  return fc.tuple(stream, payload).map(([id, content]) => ({ type, stream: id, payload: Buffer.from(content) }));
}

/** Valid frames of every type. */
export const anyFrame: fc.Arbitrary<Frame> = fc.oneof(
  of(FRAME.DATA, streamId, bytes(1, 300)),
  of(FRAME.END, streamId, bytes(0, 0)),
  of(FRAME.RESET, streamId, bytes(4, 4)),
  of(FRAME.CREDIT, streamId, bytes(4, 4)),
  of(FRAME.OPEN, streamId, bytes(7, 324)),
  of(FRAME.GOAWAY, fc.constant(0), bytes(8, 100)),
  of(FRAME.INFO, fc.constant(0), bytes(2, 100)),
  of(FRAME.PING, fc.constant(0), bytes(8, 8)),
  of(FRAME.PONG, fc.constant(0), bytes(8, 8)),
);

/** Bytes that look like frames often enough to get past the first checks. */
export const nearlyFrames: fc.Arbitrary<Buffer> = fc
  .array(
    fc.oneof(
      anyFrame.map(({ type, stream, payload }) => frameOf(type as FrameType, stream, payload)),
      fc
        .tuple(fc.integer({ min: 0, max: 255 }), fc.nat(20_000), fc.nat(5), bytes(0, 40))
        .map(([type, length, stream, rest]) => {
          const head = Buffer.alloc(8);
          head.writeUInt32BE(((type << 24) | length) >>> 0, 0);
          head.writeUInt32BE(stream, 4);
          return Buffer.concat([head, rest]);
        }),
      bytes(0, 30).map((noise) => Buffer.from(noise)),
    ),
    { maxLength: 6 },
  )
  .map((parts) => Buffer.concat(parts));

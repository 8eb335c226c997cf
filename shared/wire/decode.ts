// Bytes to frames: pure, tells "need more bytes" by its return value, and throws only coded protocol errors.

import { PosternError } from '../errors.ts';
import {
  FRAME_HEADER_BYTES,
  FRAME_RULES,
  IGNORABLE_FROM,
  SERVICE_NAME,
  type Farewell,
  type FrameType,
  type Opening,
} from './frame.ts';

/** Where the decoder puts what it found; one object is reused for all frames of a session. */
export interface FrameView {
  /** A FrameType, or 0 for a frame that is to be ignored. */
  type: FrameType | 0;
  stream: number;
  /** The payload is `buffer.subarray(start, end)`. */
  start: number;
  end: number;
}

const IGNORED = 0;
/** Longest payload of a type we do not know; as long as the longest that we do. */
const LONGEST_UNKNOWN = 16_000;

/**
 * Reads the frame at `offset` into `view` and answers the offset behind it, or -1 when the buffer ends before the frame does.
 * Type, length and stream are checked as soon as the header is there, before any payload has to be waited for.
 * Throws PosternError `frame-unknown`, `frame-too-large` or `protocol-error`.
 */
export function decodeFrame(buffer: Buffer, offset: number, view: FrameView): number {
  if (buffer.length - offset < FRAME_HEADER_BYTES) return -1;
  const head = buffer.readUInt32BE(offset);
  const type = head >>> 24;
  const length = head & 0xff_ffff;
  const stream = buffer.readUInt32BE(offset + 4);
  view.type = checkedType(type, length, stream);
  view.stream = stream;
  view.start = offset + FRAME_HEADER_BYTES;
  view.end = view.start + length;
  return view.end <= buffer.length ? view.end : -1;
}

function checkedType(type: number, length: number, stream: number): FrameType | 0 {
  const rule = FRAME_RULES[type as FrameType] as (typeof FRAME_RULES)[FrameType] | undefined;
  if (rule === undefined) {
    if (type < IGNORABLE_FROM) throw new PosternError('frame-unknown', `type 0x${type.toString(16)}`);
    if (length > LONGEST_UNKNOWN)
      throw new PosternError('frame-too-large', `${length} bytes in type 0x${type.toString(16)}`);
    return IGNORED;
  }
  if (length > rule.longest) throw new PosternError('frame-too-large', `${length} bytes in type ${type}`);
  if (length < rule.shortest) throw new PosternError('protocol-error', `${length} bytes in type ${type}`);
  if (stream > 0 !== rule.ofStream) throw new PosternError('protocol-error', `stream ${stream} in type ${type}`);
  return type as FrameType;
}

/** Reads the payload of OPEN; throws `protocol-error` when its lengths do not add up. */
export function decodeOpening(payload: Buffer): Opening {
  const serviceEnd = 5 + payload.readUInt8(4);
  if (serviceEnd >= payload.length) throw new PosternError('protocol-error', 'OPEN is cut short');
  const visitorEnd = serviceEnd + 1 + payload.readUInt8(serviceEnd);
  if (visitorEnd !== payload.length) throw new PosternError('protocol-error', 'the lengths in OPEN do not add up');
  const service = payload.toString('latin1', 5, serviceEnd);
  if (!SERVICE_NAME.test(service)) throw new PosternError('protocol-error', 'OPEN names a service that is not a label');
  return {
    service,
    visitor: payload.toString('latin1', serviceEnd + 1, visitorEnd).replace(/[^\x20-\x7e]/g, '?'),
    credit: payload.readUInt32BE(0),
  };
}

/** Reads the payload of GOAWAY. Alternatives that are not https URLs are left out: they would be dialled. */
export function decodeFarewell(payload: Buffer): Farewell {
  const lines = payload.toString('utf8', 8).split('\n');
  return {
    reason: payload.readUInt32BE(0),
    reconnectAfterMs: payload.readUInt32BE(4),
    alternatives: lines.filter((line) => URL.canParse(line) && line.startsWith('https://')),
  };
}

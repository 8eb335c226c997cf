// Frames to bytes: each function writes one frame at an offset and answers the offset after it.

import { FRAME, FRAME_HEADER_BYTES, type Farewell, type FrameType, type Opening } from './frame.ts';

/** The first half of a frame header: one 32-bit store instead of a byte and a 24-bit one, since this runs for every frame. */
export function typeAndLength(type: number, length: number): number {
  return (type << 24) | length;
}

/** Writes a frame header; the payload is the caller's to place behind it. */
export function writeHeader(into: Buffer, at: number, head: number, stream: number): number {
  into.writeInt32BE(head, at);
  into.writeUInt32BE(stream, at + 4);
  return at + FRAME_HEADER_BYTES;
}

/** END: a header alone. */
export function writeEnd(into: Buffer, at: number, stream: number): number {
  return writeHeader(into, at, typeAndLength(FRAME.END, 0), stream);
}

/** RESET with a wire code, or CREDIT with a number of bytes. */
export function writeNumber(
  into: Buffer,
  at: number,
  frame: { type: typeof FRAME.RESET | typeof FRAME.CREDIT; stream: number; value: number },
): number {
  return into.writeUInt32BE(frame.value, writeHeader(into, at, typeAndLength(frame.type, 4), frame.stream));
}

/** A whole frame in a buffer of its own: for everything that is rare. */
export function frameOf(type: FrameType, stream: number, payload: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(FRAME_HEADER_BYTES + payload.length);
  frame.set(payload, writeHeader(frame, 0, typeAndLength(type, payload.length), stream));
  return frame;
}

/** The payload of OPEN. `service` is at most 63 bytes, `visitor` is cut at 255. */
export function openingPayload({ service, visitor, credit }: Opening): Buffer {
  const name = Buffer.from(service, 'latin1');
  const address = Buffer.from(visitor, 'latin1').subarray(0, 255);
  const payload = Buffer.allocUnsafe(4 + 1 + name.length + 1 + address.length);
  payload.writeUInt32BE(credit, 0);
  payload.writeUInt8(name.length, 4);
  payload.set(name, 5);
  payload.writeUInt8(address.length, 5 + name.length);
  payload.set(address, 6 + name.length);
  return payload;
}

/** The payload of GOAWAY. */
export function farewellPayload({ reason, reconnectAfterMs, alternatives }: Farewell): Buffer {
  const text = Buffer.from(alternatives.join('\n'), 'utf8');
  const payload = Buffer.allocUnsafe(8 + text.length);
  payload.writeUInt32BE(reason, 0);
  payload.writeUInt32BE(Math.min(Math.max(0, Math.round(reconnectAfterMs)), 0xffff_ffff), 4);
  payload.set(text, 8);
  return payload;
}

// The link header at the front of each message: `kind u8 | acknowledged u56` (docs/protocol.md, "Link").

import { PosternError } from '../errors.ts';
import { LINK_HEADER_BYTES } from '../mux/link.ts';

export const KIND = {
  /** Whole frames; counted, and kept until acknowledged. */
  COUNTED: 0,
  /** PING, PONG, or nothing (a bare acknowledgement); never counted or kept. */
  TRANSIENT: 1,
} as const;

/** Writes the header into the room that the session left. Counts stay below 2^48: at a million a second, nine years. */
export function writeLinkHeader(message: Buffer, kind: number, acknowledged: number): void {
  message.writeUInt16BE(kind << 8, 0);
  message.writeUIntBE(acknowledged, 2, 6);
}

/** Reads kind and count. Throws `protocol-error` for a message that is too short or of an unknown kind, `acknowledgement-invalid` for a count beyond 2^48. */
export function readLinkHeader(message: Buffer): { kind: number; acknowledged: number } {
  if (message.length < LINK_HEADER_BYTES) throw new PosternError('protocol-error', 'a message without link header');
  const kind = message.readUInt8(0);
  if (kind > KIND.TRANSIENT) throw new PosternError('protocol-error', `messages of kind ${kind}`);
  if (message.readUInt8(1) !== 0) throw new PosternError('acknowledgement-invalid');
  return { kind, acknowledged: message.readUIntBE(2, 6) };
}

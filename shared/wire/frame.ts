// The frames of postern.1: their header, their types and the longest payload of each (docs/protocol.md, "Frames").

/** `type u8 | length u24 | stream u32`, network byte order. */
export const FRAME_HEADER_BYTES = 8;

/** Longest DATA payload: with every header around it, a frame still fits one TLS record of 16 KiB. */
export const MAX_DATA_BYTES = 16_000;

/** A sender of small frames fills messages up to this many bytes, link header included: one TLS record. */
export const MESSAGE_BYTES = 16_320;

/** Credit that a sender may ever hold for one stream; more is an overflow (RFC 9113, 6.9.1 has the same bound). */
export const MAX_CREDIT = 2 ** 31 - 1;

export const FRAME = {
  /** credit u32 | service length u8, service | visitor length u8, visitor: the first frame of a stream. */
  OPEN: 0x01,
  /** Bytes, 1 to MAX_DATA_BYTES, within the stream's credit. */
  DATA: 0x02,
  /** Empty. Half-close, after all data; the other direction stays open. */
  END: 0x03,
  /** code u32: the stream ended early. */
  RESET: 0x04,
  /** bytes u32, at least 1: the reader allows that much more. */
  CREDIT: 0x05,
  /** reason u32 | reconnect-after u32 (milliseconds) | alternative URLs, one a line: no new streams here. Stream 0. */
  GOAWAY: 0x06,
  /** JSON object with a `type`. Stream 0. */
  INFO: 0x07,
  /** 8 opaque bytes, to be sent back in a PONG. Stream 0, transient messages only. */
  PING: 0x08,
  /** The 8 bytes of a PING. Stream 0, transient messages only. */
  PONG: 0x09,
} as const;

export type FrameType = (typeof FRAME)[keyof typeof FRAME];

/** Types from here up are ignored by a receiver that does not know them; below, an unknown type ends the session. */
export const IGNORABLE_FROM = 0x40;

/** For each type: shortest and longest payload in bytes, and whether it belongs to a stream (id above 0). */
export const FRAME_RULES: Readonly<Record<FrameType, { shortest: number; longest: number; ofStream: boolean }>> = {
  [FRAME.OPEN]: { shortest: 7, longest: 4 + 1 + 63 + 1 + 255, ofStream: true },
  [FRAME.DATA]: { shortest: 1, longest: MAX_DATA_BYTES, ofStream: true },
  [FRAME.END]: { shortest: 0, longest: 0, ofStream: true },
  [FRAME.RESET]: { shortest: 4, longest: 4, ofStream: true },
  [FRAME.CREDIT]: { shortest: 4, longest: 4, ofStream: true },
  [FRAME.GOAWAY]: { shortest: 8, longest: 4096, ofStream: false },
  [FRAME.INFO]: { shortest: 2, longest: MAX_DATA_BYTES, ofStream: false },
  [FRAME.PING]: { shortest: 8, longest: 8, ofStream: false },
  [FRAME.PONG]: { shortest: 8, longest: 8, ofStream: false },
};

/** What OPEN may name. */
export const SERVICE_NAME = /^[a-z0-9-]{1,63}$/;

/** What OPEN says. */
export interface Opening {
  /** Name of a service, never an address: `web`. */
  readonly service: string;
  /** The visitor's address, for the agent's log; may be empty. */
  readonly visitor: string;
  /** Bytes that the acceptor may send before the first CREDIT. */
  readonly credit: number;
}

/** What GOAWAY says. */
export interface Farewell {
  /** Wire code of the reason (shared/errors.ts). */
  readonly reason: number;
  readonly reconnectAfterMs: number;
  /** Other bastions to try first, as https URLs. */
  readonly alternatives: readonly string[];
}

// The examples of docs/protocol.md, made by the code: what the document must show.

import { proofOf } from '../../shared/link/resumption.ts';
import { KIND, writeLinkHeader } from '../../shared/link/link-header.ts';
import { LINK_HEADER_BYTES } from '../../shared/mux/link.ts';
import { farewellPayload, frameOf, openingPayload } from '../../shared/wire/encode.ts';
import { FRAME } from '../../shared/wire/frame.ts';
import { u32 } from './frames.ts';

const open = frameOf(FRAME.OPEN, 1, openingPayload({ service: 'web', visitor: '192.0.2.7', credit: 65_536 }));
const data = frameOf(FRAME.DATA, 1, Buffer.from('hello'));
const ping = Buffer.from('0102030405060708', 'hex');
const away = { reason: 1103, reconnectAfterMs: 1500, alternatives: ['https://b.example.org'] };

function message(kind: number, acknowledged: number, ...frames: readonly Buffer[]): Buffer {
  const bytes = Buffer.concat([Buffer.alloc(LINK_HEADER_BYTES), ...frames]);
  writeLinkHeader(bytes, kind, acknowledged);
  return bytes;
}

/** Name after the fence -> the bytes. */
export const HEX_EXAMPLES: Readonly<Record<string, Buffer>> = {
  open,
  data,
  end: frameOf(FRAME.END, 1, Buffer.alloc(0)),
  reset: frameOf(FRAME.RESET, 1, u32(1100)),
  credit: frameOf(FRAME.CREDIT, 1, u32(32_768)),
  goaway: frameOf(FRAME.GOAWAY, 0, farewellPayload(away)),
  info: frameOf(FRAME.INFO, 0, Buffer.from('{"type":"readiness","service":"web","ready":true}')),
  ping: frameOf(FRAME.PING, 0, ping),
  pong: frameOf(FRAME.PONG, 0, ping),
  'message-counted': message(KIND.COUNTED, 5, open, data),
  'message-transient': message(KIND.TRANSIENT, 5, frameOf(FRAME.PING, 0, ping)),
  'message-acknowledgement': message(KIND.TRANSIENT, 6),
};

export const RESUME_KEY = 'AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8';
export const RESUMPTION = { session: '00112233445566778899aabbccddeeff', attempt: 1, received: 41 };
export const PROOF = proofOf(RESUME_KEY, RESUMPTION);

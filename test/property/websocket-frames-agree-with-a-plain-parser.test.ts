// The reader of WebSocket frame headers says the same as a parser that has the whole stream, wherever the stream is cut.

import assert from 'node:assert/strict';
import test from 'node:test';

import fc from 'fast-check';

import { WebSocketFrames } from '../../bastion/forward/websocket-frames.ts';
import { holds } from '../support/property.ts';

interface Frame {
  readonly opcode: number;
  readonly masked: boolean;
  readonly length: number;
  /** Lengths may be written longer than they need to be, by a sender that doesn't care. */
  readonly wide: boolean;
}

const frames = fc.array(
  fc.record({
    opcode: fc.constantFrom(0x0, 0x1, 0x2, 0x8, 0x9, 0xa, 0x81, 0xc2, 0x89),
    masked: fc.boolean(),
    length: fc.oneof(fc.nat(125), fc.constantFrom(0, 125, 126, 127, 65_535, 65_536), fc.nat(70_000)),
    wide: fc.boolean(),
  }),
  { maxLength: 12 },
);

function bytesOf({ opcode, masked, length, wide }: Frame): Buffer {
  const extended = wide || length > 65_535 ? 8 : length > 125 ? 2 : 0;
  const head = Buffer.alloc(2 + extended + (masked ? 4 : 0));
  head[0] = opcode;
  head[1] = (masked ? 0x80 : 0) | (extended === 8 ? 127 : extended === 2 ? 126 : length);
  if (extended === 8) head.writeBigUInt64BE(BigInt(length), 2);
  if (extended === 2) head.writeUInt16BE(length, 2);
  // A payload that looks like headers.
  return Buffer.concat([head, Buffer.alloc(length, 0x89)]);
}

const isData = ({ opcode }: Frame): boolean => (opcode & 0x0f) < 8;

test('a chunk counts exactly when a byte of a data frame is in it', () =>
  holds(
    300,
    fc.property(frames, fc.array(fc.integer({ min: 1, max: 5000 }), { minLength: 1 }), (sent, cuts) => {
      const stream = Buffer.concat(sent.map(bytesOf));
      const data = Buffer.concat(sent.map((frame) => Buffer.alloc(bytesOf(frame).length, isData(frame) ? 1 : 0)));
      const reader = new WebSocketFrames();
      for (let at = 0, turn = 0; at < stream.length; turn += 1) {
        const end = at + (cuts[turn % cuts.length] as number);
        assert.equal(reader.read(stream.subarray(at, end)), data.subarray(at, end).includes(1), `at ${at}`);
        at = end;
      }
    }),
  ));

test('one byte at a time it says the same', () =>
  holds(
    50,
    fc.property(frames, (sent) => {
      const reader = new WebSocketFrames();
      for (const frame of sent) {
        const bytes = bytesOf({ ...frame, length: frame.length % 300 });
        for (const byte of bytes) assert.equal(reader.read(Uint8Array.of(byte)), isData(frame));
      }
    }),
  ));

test('anything at all is read without an error', () =>
  holds(
    200,
    fc.property(fc.array(fc.uint8Array({ maxLength: 300 })), (chunks) => {
      const reader = new WebSocketFrames();
      for (const chunk of chunks) assert.equal(typeof reader.read(chunk), 'boolean');
    }),
  ));

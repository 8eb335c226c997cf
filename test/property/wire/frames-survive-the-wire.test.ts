// Whatever is encoded comes out of the decoder again, and whatever else comes in ends in a documented error code.

import assert from 'node:assert/strict';
import test from 'node:test';

import fc from 'fast-check';

import { decodeFrame, type FrameView } from '../../../shared/wire/decode.ts';
import { frameOf } from '../../../shared/wire/encode.ts';
import type { FrameType } from '../../../shared/wire/frame.ts';
import { anyFrame, nearlyFrames, readFrames, type Frame } from '../../support/frames.ts';
import { naiveRead } from '../../support/naive-codec.ts';
import { holds } from '../../support/property.ts';

const encoded = (frames: readonly Frame[]): Buffer =>
  Buffer.concat(frames.map(({ type, stream, payload }) => frameOf(type as FrameType, stream, payload)));

const plain = (frames: readonly Frame[]) => frames.map((frame) => ({ ...frame, payload: [...frame.payload] }));

test('frames that are encoded are decoded to the same frames', async () => {
  const property = fc.property(fc.array(anyFrame, { maxLength: 8 }), (frames) => {
    const { frames: found, stopped } = readFrames(encoded(frames));
    assert.equal(stopped, 'end');
    assert.deepEqual(plain(found), plain(frames));
  });
  await holds(300, property);
});

test('a decoder that is given one byte more at a time says "not yet" until the frame is whole', async () => {
  const property = fc.property(anyFrame, ({ type, stream, payload }) => {
    const whole = frameOf(type as FrameType, stream, payload);
    const view: FrameView = { type: 0, stream: 0, start: 0, end: 0 };
    for (let length = 0; length < whole.length; length++)
      assert.equal(decodeFrame(whole.subarray(0, length), 0, view), -1);
    assert.equal(decodeFrame(whole, 0, view), whole.length);
    assert.deepEqual(whole.subarray(view.start, view.end), payload);
  });
  await holds(100, property);
});

test('bytes cut at any place and fed piece by piece give the same frames', async () => {
  const cuts = fc.array(fc.nat(200), { maxLength: 20 });
  const property = fc.property(fc.array(anyFrame, { maxLength: 6 }), cuts, (frames, sizes) => {
    const bytes = encoded(frames);
    const found: Frame[] = [];
    let buffered = Buffer.alloc(0);
    let offset = 0;
    for (const size of [...sizes, bytes.length]) {
      buffered = Buffer.concat([buffered, bytes.subarray(offset, offset + size)]);
      offset = Math.min(bytes.length, offset + size);
      const { frames: some } = readFrames(buffered);
      found.push(...some);
      buffered = buffered.subarray(some.reduce((sum, { payload }) => sum + 8 + payload.length, 0));
    }
    assert.deepEqual(plain(found), plain(frames));
  });
  await holds(200, property);
});

test('arbitrary bytes are read as the naive decoder reads them, with the same documented codes', async () => {
  const property = fc.property(fc.oneof(nearlyFrames, fc.uint8Array({ maxLength: 200 })), (bytes) => {
    const { frames, stopped } = readFrames(Buffer.from(bytes));
    const naive = naiveRead([...bytes]);
    assert.equal(stopped, naive.stopped);
    assert.deepEqual(
      frames.map(({ type, stream, payload }) => ({ type, stream, payload: [...payload] })),
      naive.frames,
    );
  });
  await holds(1500, property);
});

// Frames: whatever the bytes, the decoder says what its naive twin says, however they are cut, and what it read can be written again.

import assert from 'node:assert/strict';

import { decodeFarewell, decodeOpening } from '../../../shared/wire/decode.ts';
import { farewellPayload, frameOf, openingPayload } from '../../../shared/wire/encode.ts';
import { FRAME, type FrameType } from '../../../shared/wire/frame.ts';
import { readFrames } from '../../support/frames.ts';
import { naiveRead } from '../../support/naive-codec.ts';
import { outcome, words, type Target } from '../target.ts';

export const target: Target = {
  longest: 17_000,
  dictionary: [...words('web', 'https://b.example.org', '\n'), ...[1, 2, 3, 4, 5, 6, 7, 8, 9, 0x40].map(headerOf)],
  run(input) {
    const { frames, stopped } = readFrames(input);
    const naive = naiveRead([...input]);
    assert.equal(stopped, naive.stopped);
    assert.deepEqual(
      frames.map(({ type, stream, payload }) => [type, type === 0 ? 0 : stream, payload.toString('hex')]),
      naive.frames.map(({ type, stream, payload }) => [
        type,
        type === 0 ? 0 : stream,
        Buffer.from(payload).toString('hex'),
      ]),
    );
    // What is there of it already says the same, or that more is needed.
    const cut = readFrames(input.subarray(0, input.length >> 1));
    assert.deepEqual(cut.frames, frames.slice(0, cut.frames.length));
    for (const { type, stream, payload } of frames) {
      if (type !== 0)
        assert.deepEqual(readFrames(frameOf(type as FrameType, stream, payload)).frames[0]?.payload, payload);
      if (type === FRAME.OPEN) opening(payload);
      if (type === FRAME.GOAWAY) farewell(payload);
    }
  },
};

function opening(payload: Buffer): void {
  const read = outcome(['protocol-error'], () => decodeOpening(payload));
  if ('code' in read) return;
  assert.match(read.result.service, /^[a-z0-9-]{1,63}$/);
  assert.match(read.result.visitor, /^[\x20-\x7e]{0,255}$/);
  assert.deepEqual(decodeOpening(openingPayload(read.result)), read.result);
}

function farewell(payload: Buffer): void {
  const read = decodeFarewell(payload);
  for (const url of read.alternatives) assert.equal(new URL(url).protocol, 'https:');
  assert.deepEqual(decodeFarewell(farewellPayload(read)), read);
}

/** An empty frame of a type, whose length is to be changed. */
function headerOf(type: number): Buffer {
  return Buffer.from([type, 0, 0, 8, 0, 0, 0, type >= 6 && type < 0x40 ? 0 : 1]);
}

// Messages lie in memory that is used again: never while anybody still needs them, or one tunnel would send another's bytes.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import { holdMessage, Message, releaseMessage } from '../../../shared/mux/message.ts';

interface Living {
  readonly message: Buffer;
  readonly fill: number;
  holders: number;
}

const intact = ({ message, fill }: Living): void => {
  // The first 8 bytes are the link's; then the frame's header; then what was written.
  assert.ok(message.subarray(16).every((byte) => byte === fill));
};

function build(fill: number, bytes: number): Living {
  const message = new Message();
  message.begin();
  message.addData(1, bytes, (into, at, longest) => {
    into.fill(fill, at, at + longest);
    return longest;
  });
  return { message: message.finish(), fill, holders: 1 };
}

test('a message keeps its bytes until its last holder has released it', () => {
  const step = fc.record({
    action: fc.constantFrom('build', 'build', 'hold', 'release', 'release'),
    fill: fc.integer({ min: 1, max: 255 }),
    bytes: fc.integer({ min: 1, max: 16_000 }),
    which: fc.nat(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 400 }), (steps) => {
      let living: Living[] = [];
      for (const { action, fill, bytes, which } of steps) {
        const chosen = living[which % Math.max(1, living.length)];
        if (action === 'build') living.push(build(fill, bytes));
        else if (chosen !== undefined && action === 'hold') {
          holdMessage(chosen.message);
          chosen.holders++;
        } else if (chosen !== undefined) {
          intact(chosen);
          chosen.holders--;
          releaseMessage(chosen.message);
          living = living.filter(({ holders }) => holders > 0);
        }
      }
      for (const message of living) intact(message);
      for (const { message, holders } of living) for (let left = holders; left > 0; left--) releaseMessage(message);
    }),
    { seed: 20_261_122, numRuns: 60 },
  );
});

test('released memory is used again', () => {
  const seen = new Set<ArrayBufferLike>();
  for (let round = 0; round < 2000; round++) {
    const { message } = build(1, 16_000);
    seen.add(message.buffer);
    releaseMessage(message);
  }
  assert.ok(seen.size <= 2, `${seen.size} blocks for messages that were all released at once`);
});

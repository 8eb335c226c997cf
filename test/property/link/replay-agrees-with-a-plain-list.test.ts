// What is kept for a resumption is exactly what was sent and not acknowledged.

import assert from 'node:assert/strict';
import test from 'node:test';

import fc from 'fast-check';

import { Replay } from '../../../shared/link/replay.ts';
import { holds } from '../../support/property.ts';

test('kept messages, their bytes and their number agree with a plain list', async () => {
  const move = fc.tuple(fc.constantFrom('add', 'add', 'add', 'acknowledge', 'after'), fc.nat(300));
  const property = fc.property(fc.array(move, { maxLength: 200 }), (moves) => {
    const replay = new Replay();
    const all: Buffer[] = [];
    let acknowledged = 0;
    for (const [what, number] of moves) {
      if (what === 'add') {
        const message = Buffer.alloc(number);
        replay.add(message);
        all.push(message);
      } else if (number > all.length) {
        const ask = what === 'after' ? () => replay.after(number) : () => replay.acknowledge(number);
        assert.throws(ask, { code: 'acknowledgement-invalid' });
      } else if (what === 'acknowledge') {
        assert.equal(replay.acknowledge(number), number > acknowledged);
        acknowledged = Math.max(acknowledged, number);
      } else if (number < acknowledged) {
        assert.throws(() => replay.after(number), { code: 'acknowledgement-invalid' });
      } else {
        acknowledged = number;
        const lacking = replay.after(number);
        assert.equal(lacking.length, all.length - number);
        lacking.forEach((message, index) => assert.equal(message, all[number + index]));
      }
      const kept = all.slice(acknowledged);
      assert.equal(replay.sent, all.length);
      assert.equal(
        replay.bytes,
        kept.reduce((sum, message) => sum + message.length, 0),
      );
    }
  });
  await holds(300, property);
});

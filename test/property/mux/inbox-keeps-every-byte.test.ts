// The inbox gives back the bytes it was given, in order, and copies the small ones out of the buffers they came in.

import assert from 'node:assert/strict';
import test from 'node:test';

import fc from 'fast-check';

import { Inbox } from '../../../shared/mux/inbox.ts';
import { holds } from '../../support/property.ts';

const sizes = fc.oneof(
  fc.integer({ min: 1, max: 100 }),
  fc.integer({ min: 1, max: 5000 }),
  fc.constantFrom(4095, 4096, 16_000),
);

test('whatever is put in comes out, in order and unchanged', async () => {
  const moves = fc.array(fc.oneof(sizes, fc.constant('take' as const)), { maxLength: 300 });
  const property = fc.property(moves, (steps) => {
    const inbox = new Inbox();
    const given: number[] = [];
    const taken: Buffer[] = [];
    let next = 0;
    for (const step of steps) {
      if (step === 'take') {
        if (!inbox.empty) taken.push(inbox.take());
        continue;
      }
      const piece = Buffer.alloc(step, next++ & 0xff);
      inbox.add(piece);
      given.push(...piece);
      // The read buffer that a small piece lies in is used again; a large one is handed over.
      if (step < 4096) piece.fill(0xee);
    }
    while (!inbox.empty) taken.push(inbox.take());
    assert.deepEqual(Buffer.concat(taken), Buffer.from(given));
  });
  await holds(150, property);
});

test('a chunk that was taken does not change when more arrives', () => {
  const inbox = new Inbox();
  inbox.add(Buffer.from('a'));
  inbox.add(Buffer.from('b'));
  inbox.add(Buffer.from('c'));
  const chunks = [inbox.take().toString()];
  const second = inbox.take();
  inbox.add(Buffer.from('d'));
  chunks.push(second.toString(), inbox.take().toString());
  assert.equal(chunks.join(''), 'abcd');
});

test('many small pieces cost little more than their bytes', () => {
  const inbox = new Inbox();
  for (let count = 0; count < 4096; count++) inbox.add(Buffer.from('x'));
  let chunks = 0;
  for (; !inbox.empty; chunks++) inbox.take();
  assert.ok(chunks <= 4, `${chunks} chunks`);
});

test('clear forgets everything', () => {
  const inbox = new Inbox();
  inbox.add(Buffer.alloc(10));
  inbox.clear();
  assert.ok(inbox.empty);
  inbox.add(Buffer.from('new'));
  assert.equal(inbox.take().toString(), 'new');
});

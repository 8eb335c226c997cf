// The waits between attempts.

import assert from 'node:assert/strict';
import test from 'node:test';

import { createBackoff } from '../../shared/backoff.ts';

test('the first wait is none, the next ones lie below a ceiling that doubles to the cap', () => {
  const backoff = createBackoff({ baseMs: 100, capMs: 1000, random: () => 0.5 });
  assert.deepEqual(
    [0, 1, 2, 3, 4, 5, 6].map(() => backoff.next()),
    [0, 50, 100, 200, 400, 500, 500],
  );
});

test('a lower cap holds for the wait it was given for', () => {
  const backoff = createBackoff({ baseMs: 100, capMs: 1000, random: () => 0.5 });
  for (let count = 0; count < 10; count += 1) backoff.next();
  assert.equal(backoff.next(60), 30);
  assert.equal(backoff.next(), 500);
});

test('a reset starts over, and no number of attempts overflows', () => {
  const backoff = createBackoff({ baseMs: 100, capMs: 1000, random: () => 0.999 });
  for (let count = 0; count < 10_000; count += 1) assert.ok(backoff.next() < 1000);
  backoff.reset();
  assert.equal(backoff.next(), 0);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { spread } from '../../../bench/statistics.ts';

test('the spread is median and quartiles, whatever the order', () => {
  assert.deepEqual(spread([5, 1, 3, 2, 4]), { median: 3, lower: 2, upper: 4, samples: 5 });
});

test('between two values it interpolates', () => {
  assert.deepEqual(spread([10, 20]), { median: 15, lower: 12.5, upper: 17.5, samples: 2 });
});

test('what is not a number is left out, and nothing at all gives nothing', () => {
  assert.equal(spread([Number.NaN, 7, Number.POSITIVE_INFINITY]).median, 7);
  assert.equal(spread([]).samples, 0);
  assert.ok(Number.isNaN(spread([]).median));
});

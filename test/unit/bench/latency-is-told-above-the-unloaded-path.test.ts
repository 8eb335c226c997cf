import assert from 'node:assert/strict';
import { test } from 'node:test';
import { quantileOf } from '../../../bench/statistics.ts';
import { figuresOf } from '../../../bench/suites/interactive.ts';

test('latency beside bulk is told above the median of the unloaded path, bulk as a share of its rate alone', () => {
  const beside = Array.from({ length: 101 }, (_, index) => 20 + index);
  const figures = figuresOf([19, 20, 35], beside, { alone: 12_500, beside: 12_000 });
  assert.equal(figures['median-above'], 50);
  assert.equal(figures['p99-above'], 99);
  assert.equal(figures['unloaded'], 20);
  assert.equal(figures['bulk'], 96);
  assert.equal(figures['bulk-kept'], 0.96);
});

test('a quantile is between the nearest two values, whatever their order', () => {
  assert.equal(quantileOf([30, 10, 20], 0.5), 20);
  assert.equal(quantileOf([10, 20], 0.25), 12.5);
  assert.ok(Number.isNaN(quantileOf([], 0.5)));
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bucketOf, labelOf, nameOf } from '../../../bench/path/settings.ts';

test('the token bucket has the rate, and a queue of as many bytes as its milliseconds hold', () => {
  const bucket = bucketOf({ roundTripMs: 50, bandwidth: 400, queueMs: 100 });
  assert.deepEqual(bucket, ['tbf', 'rate', '400mbit', 'burst', '65536', 'limit', '5000000']);
});

test('a bucket never holds less than the longest segment, and a fast one holds a millisecond', () => {
  assert.deepEqual(bucketOf({ roundTripMs: 0, bandwidth: 10, queueMs: 5 }).slice(-3), ['65536', 'limit', '32768']);
  assert.equal(bucketOf({ roundTripMs: 0, bandwidth: 1000, queueMs: 5 })[4], '125000');
});

test('what is not shaped has no bucket', () => {
  assert.deepEqual(bucketOf({ roundTripMs: 50, bandwidth: Infinity, queueMs: 100 }), []);
});

test('names and labels tell paths apart', () => {
  assert.equal(nameOf({ roundTripMs: 50, bandwidth: 400, queueMs: 100 }), 'rtt50-400m');
  assert.equal(nameOf({ roundTripMs: 0, bandwidth: Infinity, queueMs: 100 }), 'rtt0-any');
  assert.equal(labelOf({ roundTripMs: 0, bandwidth: Infinity, queueMs: 100 }), '0 ms, not shaped');
});

// The number of an error goes over the wire: no two errors share one.

import assert from 'node:assert/strict';
import test from 'node:test';

import { ERRORS, codeFromWire } from '../../shared/errors.ts';

test('every number stands for one error', () => {
  for (const { code, wire } of ERRORS) assert.equal(codeFromWire(wire), code, String(wire));
  assert.equal(new Set(ERRORS.map(({ wire }) => wire)).size, ERRORS.length);
});

test('a number that is not known reads as a stream given up', () => {
  assert.equal(codeFromWire(0), 'stream-cancelled');
  assert.equal(codeFromWire(0xffff_ffff), 'stream-cancelled');
});

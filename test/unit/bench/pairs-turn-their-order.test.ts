import assert from 'node:assert/strict';
import { test } from 'node:test';
import { turns } from '../../../bench/suites/isolation.ts';

test('every pair has one slice with and one without, and every other pair begins without', () => {
  assert.deepEqual(
    turns(4).map(({ round, peer }) => `${round} ${peer.name}`),
    ['0 with', '0 without', '1 without', '1 with', '2 with', '2 without', '3 without', '3 with'],
  );
});

// How many agents may register at once and per second.

import assert from 'node:assert/strict';
import test from 'node:test';

import { Admission } from '../../../bastion/tunnels/admission.ts';

test('only so many handshakes are under way at once, and each end makes room for one', () => {
  const admission = new Admission({ inFlight: 2, perSecond: 100, burst: 100 }, () => 0);
  const first = admission.enter();
  admission.enter();
  assert.equal(admission.enter(), undefined);
  first?.();
  first?.();
  assert.equal(admission.inFlight, 1);
  assert.ok(admission.enter());
  assert.equal(admission.enter(), undefined);
});

test('after a burst, handshakes are admitted at the rate per second', () => {
  let now = 0;
  const admission = new Admission({ inFlight: 1000, perSecond: 10, burst: 3 }, () => now);
  const admitted = (tries: number): number =>
    Array.from({ length: tries }, () => admission.spend()).filter(Boolean).length;
  assert.equal(admitted(5), 3);
  now += 500;
  assert.equal(admitted(10), 3);
  now += 100;
  assert.equal(admitted(10), 1);
  now += 60_000;
  assert.equal(admitted(10), 3);
});

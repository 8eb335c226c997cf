// The flight cap over simulated paths: a fifth more than bandwidth times round trip, whatever changes.

import assert from 'node:assert/strict';
import test from 'node:test';

import { Flight, LOWEST_CAP, TURNS_MS } from '../../../shared/mux/flight.ts';
import { SimulatedPath } from '../../support/simulated-path.ts';

/** Bytes per millisecond. */
const MBIT = 125;

function ratio({ flight, product }: SimulatedPath): number {
  return (flight.cap - flight.bandwidth * TURNS_MS) / product;
}

function assertFits(path: SimulatedPath): void {
  // Half of it, for a moment, when the true round trip is being looked for.
  for (let wait = 0; wait < 5 && ratio(path) < 1; wait++) path.run(path.roundTripMs + 20);
  const found = ratio(path);
  assert.ok(found > 1.1 && found < 1.6, `the cap is ${found.toFixed(2)} times bandwidth x round trip`);
}

/** Share of the bandwidth that was used within `ms`. */
function used(path: SimulatedPath, ms: number): number {
  const before = path.delivered;
  path.run(ms);
  return (path.delivered - before) / (ms * path.bandwidth);
}

for (const [mbit, roundTripMs] of [
  [100, 20],
  [100, 50],
  [20, 50],
  [400, 50],
  [200, 100],
] as const)
  test(`${mbit} Mbit/s and ${roundTripMs} ms: full within two seconds, with a queue of at most its length`, () => {
    const path = new SimulatedPath({ bandwidth: mbit * MBIT, roundTripMs });
    path.run(2000);
    assertFits(path);
    assert.ok(used(path, 1000) > 0.97);
  });

test('the cap does not run away while the queue that it causes stands', () => {
  const path = new SimulatedPath({ bandwidth: 100 * MBIT, roundTripMs: 20 });
  path.run(2000);
  let longest = 0;
  path.run(25_000, () => (longest = Math.max(longest, path.queueMs)));
  assertFits(path);
  assert.ok(longest < 1.5 * path.roundTripMs, `${longest.toFixed()} ms of queue`);
});

for (const roundTripMs of [20, 50])
  test(`busy event loops are not taken for bandwidth, ${roundTripMs} ms`, () => {
    const path = new SimulatedPath({ bandwidth: 100 * MBIT, roundTripMs });
    path.turnMs = 12;
    path.run(3000);
    let queue = 0;
    let looks = 0;
    const before = path.delivered;
    path.run(8000, () => {
      queue += path.queueMs;
      looks++;
    });
    assert.ok(path.flight.bandwidth < 1.15 * path.bandwidth, `${path.flight.bandwidth} bytes/ms`);
    assert.ok(queue / looks < 0.2 * roundTripMs + TURNS_MS + 3, `${(queue / looks).toFixed(1)} ms of queue on average`);
    assert.ok((path.delivered - before) / (8000 * path.bandwidth) > 0.95);
  });

test('looking for the true round trip costs next to nothing', () => {
  const path = new SimulatedPath({ bandwidth: 100 * MBIT, roundTripMs: 50 });
  path.run(2000);
  assert.ok(used(path, 30_000) > 0.98);
});

test('a slow short path keeps the lowest cap', () => {
  const path = new SimulatedPath({ bandwidth: 20 * MBIT, roundTripMs: 1 });
  // The PING at the beginning of every session sees the path empty.
  path.flight.measured(1, 0);
  path.run(5000);
  assert.equal(path.flight.cap, LOWEST_CAP);
  assert.ok(used(path, 1000) > 0.98);
});

test('a fast short path gets what the turns of two event loops take, and no longer a queue than that', () => {
  const path = new SimulatedPath({ bandwidth: 1000 * MBIT, roundTripMs: 0.3 });
  path.flight.measured(0.3, 0);
  path.run(5000);
  const milliseconds = path.flight.cap / path.flight.bandwidth;
  assert.ok(Math.abs(milliseconds - (1.2 * 0.3 + TURNS_MS)) < 0.5, `${milliseconds} ms in flight`);
  assert.ok(used(path, 1000) > 0.98);
});

test('a path that gets slower, or faster again, is followed within seconds', () => {
  const path = new SimulatedPath({ bandwidth: 100 * MBIT, roundTripMs: 50 });
  path.run(2000);
  path.bandwidth = 25 * MBIT;
  path.run(3000);
  assertFits(path);
  path.bandwidth = 100 * MBIT;
  path.run(2000);
  assertFits(path);
  assert.ok(used(path, 500) > 0.97);
});

for (const roundTripMs of [60, 120, 300])
  test(`a path that grows from 30 to ${roundTripMs} ms is followed within seconds`, () => {
    const path = new SimulatedPath({ bandwidth: 50 * MBIT, roundTripMs: 30 });
    path.run(2000);
    path.roundTripMs = roundTripMs;
    path.run(8000);
    assertFits(path);
    assert.ok(used(path, 2000) > 0.95);
  });

test('a path that gets shorter is followed', () => {
  const path = new SimulatedPath({ bandwidth: 100 * MBIT, roundTripMs: 120 });
  path.run(3000);
  path.roundTripMs = 30;
  path.run(15_000);
  assertFits(path);
});

test('one hiccup of an event loop is not taken for a longer path', () => {
  const path = new SimulatedPath({ bandwidth: 20 * MBIT, roundTripMs: 20 });
  path.run(9900);
  const { cap } = path.flight;
  path.hiccupMs = 30;
  path.run(600);
  path.hiccupMs = 0;
  path.run(400);
  assert.ok(path.flight.cap < 1.3 * cap, `${path.flight.cap} after ${cap}`);
});

test('idleness forgets nothing: bulk is at full speed at once afterwards', () => {
  for (const demand of [0, 10]) {
    const path = new SimulatedPath({ bandwidth: 100 * MBIT, roundTripMs: 50 });
    path.run(2000);
    path.demand = demand;
    path.run(40_000);
    assertFits(path);
    path.demand = Infinity;
    path.run(100);
    assert.ok(used(path, 1000) > 0.9);
  }
});

test('the cap is never below its floor but for a probe, and never beyond all bounds', () => {
  const flight = new Flight(0);
  assert.equal(flight.cap, LOWEST_CAP);
  flight.measured(1000, 0);
  flight.departed(100 * 2 ** 20, 0, true);
  flight.acknowledged(0, 1);
  assert.equal(flight.cap, 64 * 2 ** 20);
});

test('after a change of link the round trip is measured anew, and what was in flight is not timed', () => {
  const path = new SimulatedPath({ bandwidth: 100 * MBIT, roundTripMs: 20 });
  path.run(2000);
  const { flight, now, unacknowledged } = path;
  flight.restarted(unacknowledged, now);
  assert.equal(flight.cap, LOWEST_CAP);
  assert.equal(flight.roundTripMs, undefined);
  flight.acknowledged(0, now + 60_000);
  assert.equal(flight.roundTripMs, undefined);
  flight.measured(80, now + 60_000);
  assert.ok(Math.abs(flight.cap - flight.bandwidth * (1.2 * 80 + TURNS_MS)) < 1);
});

// Links of one tunnel that send bulk over the same path: together they keep it full, and have no longer a queue than one alone.

import assert from 'node:assert/strict';
import test from 'node:test';

import { Flight } from '../../../shared/mux/flight.ts';
import { Recent } from '../../../shared/mux/recent.ts';
import { BULK_BYTES, SharedPath } from '../../../shared/mux/shared-path.ts';
import { SimulatedPath } from '../../support/simulated-path.ts';

/** Bytes per millisecond. */
const MBIT = 125;

interface Seen {
  readonly queueMs: number;
  readonly used: number;
  /** Of each link, of what was used. */
  readonly shares: readonly number[];
}

/** Links that begin one after the other; `demands` is what each has to send, in bytes per millisecond. */
function together(spec: { mbit: number; roundTripMs: number }, demands: readonly number[]): Seen {
  const path = { bandwidth: spec.mbit * MBIT, roundTripMs: spec.roundTripMs };
  const links: SimulatedPath[] = [];
  const busy = new Set<SimulatedPath>();
  for (let index = 0; index < demands.length; index++) {
    const [beside] = links;
    const others = (): Flight[] =>
      links.filter((link, at) => at !== index && busy.has(link)).map(({ flight }) => flight);
    const link = new SimulatedPath(path, beside === undefined ? { others } : { beside, others });
    // The PING at the beginning of every session sees the path empty.
    link.flight.measured(spec.roundTripMs, 0);
    link.demand = 0;
    links.push(link);
  }
  const first = links[0] as SimulatedPath;
  for (const [index, link] of links.entries()) {
    link.demand = demands[index] as number;
    busy.add(link);
    first.run(3_000);
  }
  const before = links.map(({ delivered }) => delivered);
  let [queue, looks] = [0, 0];
  first.run(25_000, () => {
    queue += first.queueMs;
    looks++;
  });
  const rates = links.map(({ delivered }, index) => (delivered - (before[index] as number)) / 25_000);
  const sum = rates.reduce((total, rate) => total + rate);
  return { queueMs: queue / looks, used: sum / path.bandwidth, shares: rates.map((rate) => rate / sum) };
}

for (const [mbit, roundTripMs] of [
  [100, 20],
  [100, 50],
  [400, 50],
] as const)
  for (const links of [2, 3, 4])
    test(`${links} links, ${mbit} Mbit/s, ${roundTripMs} ms: the path is full, the queue short, and each has its part`, () => {
      const seen = together(
        { mbit, roundTripMs },
        Array.from({ length: links }, () => Infinity),
      );
      assert.ok(seen.used > 0.97, `${seen.used.toFixed(3)} of the bandwidth`);
      assert.ok(seen.queueMs < 0.5 * roundTripMs + 4, `${seen.queueMs.toFixed(1)} ms of queue on average`);
      for (const share of seen.shares) assert.ok(Math.abs(share * links - 1) < 0.1, seen.shares.join(', '));
    });

test('what a link has no use for goes to the others', () => {
  const { used, shares } = together({ mbit: 100, roundTripMs: 20 }, [Infinity, 0.2 * 100 * MBIT]);
  assert.ok(used > 0.97, `${used.toFixed(3)} of the bandwidth`);
  assert.ok(Math.abs((shares[1] as number) - 0.2) < 0.02, shares.join(', '));
});

test('only links that send bulk just now count, and none that has ended', () => {
  const path = new SharedPath();
  const [one, two] = [0, 0].map(() => ({ flight: new Flight(0), recent: new Recent() })) as [Party, Party];
  path.join(one);
  assert.deepEqual(path.beside(one, 0), []);
  path.join(two);
  two.recent.add(BULK_BYTES, 0);
  assert.deepEqual(path.beside(one, 0), []);
  two.recent.add(1, 0);
  assert.deepEqual(path.beside(one, 0), [two.flight]);
  assert.deepEqual(path.beside(two, 0), []);
  assert.deepEqual(path.beside(one, 400), [two.flight]);
  assert.deepEqual(path.beside(one, 1_500), []);
  two.recent.add(BULK_BYTES + 1, 2_000);
  path.leave(two);
  assert.deepEqual(path.beside(one, 2_000), []);
});

type Party = Parameters<SharedPath['join']>[0];

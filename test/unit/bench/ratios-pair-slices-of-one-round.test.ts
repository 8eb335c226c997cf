import assert from 'node:assert/strict';
import { test } from 'node:test';
import { summarise } from '../../../bench/results.ts';
import { SCENARIOS } from '../../../bench/scenarios.ts';
import type { Sample } from '../../../bench/suite.ts';

const scenario = SCENARIOS.find(({ name }) => name === 'bulk-1');

function sample(peer: string, round: number, throughput: number): Sample {
  return { scenario: 'bulk-1', peer, round, figures: { throughput, processor: 1, resident: 1 } };
}

test('a ratio divides the slices of one round, not the medians', () => {
  assert.ok(scenario);
  // The machine was slow in rounds 1 and 2: the medians' ratio would be 1, while each pair says 2.
  const samples = [
    ...[100, 10, 12].map((value, round) => sample('postern', round, value)),
    ...[50, 5, 6].map((value, round) => sample('nginx', round, value)),
  ];
  const rows = summarise(samples, [scenario]).filter(({ metric }) => metric === 'throughput');
  assert.deepEqual(
    rows.map(({ peer, value, ratio }) => [peer, value.median, ratio?.median]),
    [
      ['postern', 12, undefined],
      ['nginx', 6, 2],
    ],
  );
});

test('a peer without a slice of ours in the same round has no ratio from it', () => {
  assert.ok(scenario);
  const samples = [sample('postern', 0, 30), sample('nginx', 0, 10), sample('nginx', 1, 1000)];
  const row = summarise(samples, [scenario]).find(({ metric, peer }) => metric === 'throughput' && peer === 'nginx');
  assert.equal(row?.ratio?.median, 3);
  assert.equal(row?.ratio?.samples, 1);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { plot } from '../../../bench/plot.ts';
import type { Row } from '../../../bench/results.ts';

function row(peer: string, median: number): Row {
  const value = { median, lower: median * 0.9, upper: median * 1.1, samples: 3 };
  const rest = { scenario: 'small-32', metric: 'rate', label: 'requests/s', unit: '/s', better: 'higher' } as const;
  return { ...rest, peer, value, ratio: undefined };
}

const PANEL = { scenario: 'small-32', metric: 'rate', title: 'Requests <per> second' };

test('the plot has a bar and a value for every peer, and escapes what it prints', () => {
  const labels = new Map([['nginx', 'nginx & co']]);
  const svg = plot([row('postern', 20_000), row('nginx', 40_000)], [PANEL], labels, 'a "caption"');
  assert.equal(svg.match(/<rect x=/g)?.length, 2);
  assert.match(svg, /nginx &amp; co/);
  assert.match(svg, /Requests &lt;per&gt; second/);
  assert.match(svg, /20,000 \/s/);
  assert.match(svg, /aria-label="a &quot;caption&quot;"/);
});

test('a panel without results is left out', () => {
  assert.doesNotMatch(plot([row('postern', 1)], [{ ...PANEL, metric: 'p99' }], new Map(), ''), /<rect x=/);
});

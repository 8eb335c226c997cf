// Which link the next stream of a tunnel goes to, by example, and compared with a naive reading of the rule.

import assert from 'node:assert/strict';
import test from 'node:test';

import fc from 'fast-check';

import { BULK_BYTES } from '../../../shared/mux/shared-path.ts';
import { chooseLink, maySettle, type LinkView } from '../../../bastion/tunnels/link-choice.ts';

interface Named extends LinkView {
  readonly name: string;
}

function link(name: string, change: Partial<LinkView> = {}): Named {
  const quiet = { leaving: false, full: false, paused: false, unansweredMs: 0, roundTripMs: 20, recentBytes: 0 };
  return { name, ...quiet, streams: 5, ...change };
}

const chosen = (...links: Named[]): string | undefined => chooseLink(links)?.name;
const BULK = { recentBytes: BULK_BYTES + 1 };

test('without a link there is no choice', () => {
  assert.equal(chooseLink([]), undefined);
});

test('a link without bulk is preferred, however many streams it has', () => {
  assert.equal(chosen(link('bulk', { ...BULK, streams: 0 }), link('quiet', { streams: 900 })), 'quiet');
});

test('among quiet links the one with the fewest streams, among busy ones the one that moves least', () => {
  assert.equal(chosen(link('a'), link('b', { streams: 4 }), link('c', { streams: 4 })), 'b');
  assert.equal(chosen(link('a', { recentBytes: 9e9 }), link('b', { recentBytes: 8e9, streams: 50 })), 'b');
});

test('a link that does not answer, one that is lost, one that is full and one that is leaving come last, in that order', () => {
  const order = [
    link('busy', BULK),
    link('silent', { unansweredMs: 1_001 }),
    link('paused', { paused: true }),
    link('full', { full: true }),
    link('leaving', { leaving: true }),
  ];
  for (let from = 0; from < order.length; from++)
    assert.equal(chosen(...order.slice(from).toReversed()), order[from]?.name);
});

test('on a long path, an acknowledgement may take longer', () => {
  assert.equal(chosen(link('far', { unansweredMs: 2_000, roundTripMs: 600, streams: 1 }), link('other')), 'far');
});

test('a stream stays where it is unless another link is of a better kind', () => {
  const [quiet, busy, paused] = [link('quiet'), link('busy', BULK), link('paused', { paused: true })];
  assert.equal(maySettle(quiet, [quiet, busy]), true);
  assert.equal(maySettle(busy, [quiet, busy]), false);
  assert.equal(maySettle(busy, [busy, link('busier', { recentBytes: 9e9 }), paused]), true);
  assert.equal(maySettle(paused, [paused, busy]), false);
  assert.equal(maySettle(paused, [paused]), true);
});

// --- the naive reading: throw out what is worse, one rule after the other ----------------------------------------------

function naive(links: readonly Named[]): Named | undefined {
  const rules: ((link: Named) => boolean)[] = [
    (one) => !one.leaving,
    (one) => !one.full,
    (one) => !one.paused,
    (one) => one.unansweredMs <= Math.max(1_000, 4 * one.roundTripMs),
    (one) => one.recentBytes <= BULK_BYTES,
  ];
  let left = [...links];
  for (const rule of rules) {
    const good = left.filter(rule);
    // Who breaks an earlier rule is not compared by the later ones.
    if (good.length === 0) return least(left, rule === rules.at(-1));
    left = good;
  }
  return least(left, false);
}

function least(links: readonly Named[], busy: boolean): Named | undefined {
  const bytes = (one: Named): number => (busy ? one.recentBytes : 0);
  return links.toSorted((a, b) => bytes(a) - bytes(b) || a.streams - b.streams)[0];
}

const view = fc.record({
  leaving: fc.boolean(),
  full: fc.boolean(),
  paused: fc.boolean(),
  unansweredMs: fc.constantFrom(0, 1_000, 1_001, 2_400, 2_401),
  roundTripMs: fc.constantFrom(20, 600),
  recentBytes: fc.constantFrom(0, BULK_BYTES, BULK_BYTES + 1, BULK_BYTES + 2),
  streams: fc.nat(3),
});

test('for any links, the choice is that of the naive reading', () => {
  fc.assert(
    fc.property(fc.array(view, { maxLength: 6 }), (views) => {
      const links = views.map((one, index) => ({ ...one, name: String(index) }));
      assert.equal(chooseLink(links)?.name, naive(links)?.name);
      for (const one of links) {
        const better = naive([one, ...links.filter((other) => other !== one)]);
        if (better === one) assert.ok(maySettle(one, links));
      }
    }),
    { numRuns: 3000 },
  );
});

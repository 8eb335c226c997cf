// Credit: what a writer may send, when a reader returns it, and how its window grows.

import assert from 'node:assert/strict';
import test from 'node:test';

import { ReceiveCredit, SendCredit, type CreditBudget } from '../../../shared/mux/credit.ts';
import { MAX_CREDIT } from '../../../shared/wire/frame.ts';

const KIB = 1024;

/** Gives what is asked for while it has it. */
function budgetOf(bytes: number): CreditBudget & { left: number } {
  return {
    left: bytes,
    reserve(wanted) {
      const got = Math.min(wanted, this.left);
      this.left -= got;
      return got;
    },
  };
}

test('a writer gets more by CREDIT, and never more than can be counted', () => {
  const credit = new SendCredit(100);
  credit.take(60);
  assert.equal(credit.left, 40);
  credit.grant(10);
  assert.equal(credit.left, 50);
  assert.throws(() => credit.grant(0), { code: 'protocol-error' });
  assert.throws(() => credit.grant(MAX_CREDIT - 49), { code: 'credit-overflow' });
  credit.grant(MAX_CREDIT - 50);
  assert.equal(credit.left, MAX_CREDIT);
});

test('a reader allows no byte more than it granted', () => {
  const credit = new ReceiveCredit({ window: 100, longest: 100, now: 0 }, budgetOf(0));
  credit.arrived(100);
  assert.throws(() => credit.arrived(1), { code: 'credit-exceeded' });
});

test('credit goes back once half of the window has been read, all of it at once', () => {
  const credit = new ReceiveCredit({ window: 100, longest: 100, now: 0 }, budgetOf(0));
  credit.arrived(100);
  assert.equal(credit.consume(49, 1000, 10), 0);
  assert.equal(credit.consume(1, 1000, 10), 50);
  assert.equal(credit.consume(50, 2000, 10), 50);
  credit.arrived(100);
});

test('a window that is used up within four round trips doubles, up to the longest', () => {
  const budget = budgetOf(MAX_CREDIT);
  const credit = new ReceiveCredit({ window: 64 * KIB, longest: 300 * KIB, now: 0 }, budget);
  credit.arrived(64 * KIB);
  assert.equal(credit.consume(64 * KIB, 30, 10), 128 * KIB);
  assert.equal(credit.window, 128 * KIB);
  credit.arrived(128 * KIB);
  assert.equal(credit.consume(128 * KIB, 60, 10), 256 * KIB);
  credit.arrived(256 * KIB);
  assert.equal(credit.consume(256 * KIB, 90, 10), 300 * KIB);
  assert.equal(credit.window, 300 * KIB);
  assert.equal(budget.left, MAX_CREDIT - (300 - 64) * KIB);
});

test('half a window read in half the time counts as a whole one', () => {
  const quick = new ReceiveCredit({ window: 1000, longest: 4000, now: 0 }, budgetOf(MAX_CREDIT));
  quick.arrived(1000);
  assert.equal(quick.consume(500, 19, 10), 1500);
  const slow = new ReceiveCredit({ window: 1000, longest: 4000, now: 0 }, budgetOf(MAX_CREDIT));
  slow.arrived(1000);
  assert.equal(slow.consume(500, 21, 10), 500);
});

test('on a short path the turns of event loops count: a window used up within 20 ms grows', () => {
  const quick = new ReceiveCredit({ window: 1000, longest: 4000, now: 0 }, budgetOf(MAX_CREDIT));
  quick.arrived(1000);
  assert.equal(quick.consume(1000, 19, 0.2), 2000);
  const slow = new ReceiveCredit({ window: 1000, longest: 4000, now: 0 }, budgetOf(MAX_CREDIT));
  slow.arrived(1000);
  assert.equal(slow.consume(1000, 21, 0.2), 1000);
});

test('a slow reader keeps its window', () => {
  const credit = new ReceiveCredit({ window: 1000, longest: 64_000, now: 0 }, budgetOf(MAX_CREDIT));
  for (let round = 1; round <= 20; round++) {
    credit.arrived(1000);
    assert.equal(credit.consume(1000, round * 1000, 50), 1000);
  }
});

test('an empty budget lets a window be used, but not grow', () => {
  const credit = new ReceiveCredit({ window: 1000, longest: 64_000, now: 0 }, budgetOf(500));
  credit.arrived(1000);
  assert.equal(credit.consume(1000, 1, 50), 1500);
  credit.arrived(1500);
  assert.equal(credit.consume(1500, 2, 50), 1500);
});

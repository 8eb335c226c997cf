// Turns against a naive queue: those with priority first, everybody once a round, nobody twice, nobody forgotten.

import assert from 'node:assert/strict';
import test from 'node:test';

import fc from 'fast-check';

import { Turns } from '../../../shared/mux/turns.ts';
import { holds } from '../../support/property.ts';

interface Sender {
  readonly name: number;
  prioritised: boolean;
}

test('turns agree with two plain lists', async () => {
  const move = fc.tuple(fc.constantFrom('add', 'add', 'next', 'remove', 'switch', 'interrupt'), fc.nat(9));
  const property = fc.property(fc.array(move, { maxLength: 200 }), (moves) => {
    const turns = new Turns<Sender>();
    const senders = Array.from({ length: 10 }, (_, name): Sender => ({ name, prioritised: name % 2 === 0 }));
    let first: Sender[] = [];
    let interrupted: Sender[] = [];
    let rest: Sender[] = [];
    for (const [what, which] of moves) {
      const sender = senders[which]!;
      if (what === 'switch') sender.prioritised = !sender.prioritised;
      else if (what === 'add') {
        turns.add(sender);
        if (![...first, ...interrupted, ...rest].includes(sender)) (sender.prioritised ? first : rest).push(sender);
      } else if (what === 'remove') {
        turns.remove(sender);
        first = first.filter((other) => other !== sender);
        interrupted = interrupted.filter((other) => other !== sender);
        rest = rest.filter((other) => other !== sender);
      } else if (what === 'interrupt') {
        turns.interrupt(sender);
        rest = rest.filter((other) => other !== sender);
        if (![...first, ...interrupted].includes(sender)) interrupted.push(sender);
      } else assert.equal(turns.next(), [first, interrupted, rest].find((queue) => queue.length > 0)?.shift());
      assert.equal(turns.waiting, first.length + interrupted.length + rest.length);
    }
  });
  await holds(300, property);
});

test('senders that come again after each turn get the same number of turns', () => {
  const turns = new Turns<Sender>();
  const served = new Map<number, number>();
  for (let name = 0; name < 7; name++) turns.add({ name, prioritised: false });
  for (let round = 0; round < 700; round++) {
    const sender = turns.next()!;
    served.set(sender.name, (served.get(sender.name) ?? 0) + 1);
    turns.add(sender);
  }
  assert.deepEqual(
    [...served.values()],
    Array.from({ length: 7 }, () => 100),
  );
});

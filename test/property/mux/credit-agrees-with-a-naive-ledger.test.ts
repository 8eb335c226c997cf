// Credit and budgets against ledgers that add up everything from the beginning at each step.

import assert from 'node:assert/strict';
import test from 'node:test';

import fc from 'fast-check';

import { Budget, SMALL_CREDIT } from '../../../shared/mux/budget.ts';
import { ReceiveCredit, SendCredit } from '../../../shared/mux/credit.ts';
import { holds } from '../../support/property.ts';

test('writer and reader always agree on what is left, and the window is what the budget has granted', async () => {
  const steps = fc.array(fc.tuple(fc.nat(100), fc.nat(100), fc.nat(200)), { maxLength: 100 });
  const property = fc.property(fc.integer({ min: 1000, max: 100_000 }), steps, (window, moves) => {
    const budget = new Budget(400_000);
    assert.ok(budget.claim(window));
    const writer = new SendCredit(window);
    const reader = new ReceiveCredit({ window, longest: 150_000, now: 0 }, budget);
    const ledger = { sent: 0, read: 0, granted: window };
    let now = 0;
    for (const [send, read, ms] of moves) {
      now += ms;
      const sent = Math.floor((writer.left * send) / 100);
      writer.take(sent);
      reader.arrived(sent);
      ledger.sent += sent;
      const taken = Math.floor(((ledger.sent - ledger.read) * read) / 100);
      ledger.read += taken;
      const grant = taken === 0 ? 0 : reader.consume(taken, now, 20);
      if (grant > 0) writer.grant(grant);
      ledger.granted += grant;
      assert.equal(writer.left, ledger.granted - ledger.sent);
      assert.equal(budget.granted, reader.window);
      // What can still arrive or lies unread never passes the window.
      assert.ok(ledger.granted - ledger.read <= reader.window);
      assert.ok(reader.window <= 150_000);
    }
    budget.release(window, reader.window - window);
    assert.equal(budget.granted, 0);
  });
  await holds(300, property);
});

test('budgets never grant more than there is, here or above, and growth leaves half for new streams', async () => {
  const move = fc.record({
    child: fc.nat(2),
    what: fc.constantFrom('open', 'claim', 'grow', 'release'),
    bytes: fc.nat(300_000),
  });
  const property = fc.property(fc.array(move, { maxLength: 120 }), (moves) => {
    const process = new Budget(1_000_000);
    const tunnels = [0, 1, 2].map(() => new Budget(600_000, process));
    const streams = tunnels.map(() => [] as { started: number; grown: number }[]);
    const sum = (of: 'started' | 'grown', all = streams.flat()): number =>
      all.reduce((total, stream) => total + stream[of], 0);
    for (const { child, what, bytes } of moves) {
      const own = streams[child]!;
      const tunnel = tunnels[child]!;
      const left = Math.min(
        600_000 - sum('started', own) - sum('grown', own),
        1_000_000 - sum('started') - sum('grown'),
      );
      if (what === 'release') {
        const gone = own.pop();
        if (gone !== undefined) tunnel.release(gone.started, gone.grown);
      } else if (what === 'claim') {
        assert.equal(tunnel.claim(bytes), bytes <= left);
        if (bytes <= left) own.push({ started: bytes, grown: 0 });
      } else if (what === 'open') {
        const small = sum('started', own) > 150_000 || sum('started') > 250_000;
        const wanted = small ? Math.min(bytes, SMALL_CREDIT) : bytes;
        const started = tunnel.open(bytes);
        assert.equal(started, wanted <= left ? wanted : 0);
        own.push({ started, grown: 0 });
      } else {
        const stream = own.at(-1);
        if (stream === undefined) continue;
        const window = stream.started + stream.grown;
        const room = Math.min(300_000 - sum('grown', own), 500_000 - sum('grown'), left);
        const got = tunnel.reserve(bytes, window);
        assert.equal(got, Math.max(0, Math.min(bytes, Math.floor((room - window) / 2))));
        stream.grown += got;
        // Whoever grew has left as much to the others as it has itself.
        assert.ok(got === 0 || window + got <= room - got);
      }
      tunnels.forEach((each, index) => {
        assert.equal(each.granted, sum('started', streams[index]) + sum('grown', streams[index]));
        assert.ok(sum('grown', streams[index]) <= 300_000);
      });
      assert.equal(process.granted, sum('started') + sum('grown'));
      assert.ok(process.left >= 0);
    }
  });
  await holds(300, property);
});

// Whose a name is: claimed once, kept for good, and moved by administrators only.

import assert from 'node:assert/strict';
import test from 'node:test';

import { openSqliteStore } from '../../../bastion/store/sqlite.ts';
import { Ownership } from '../../../bastion/tunnels/ownership.ts';

const HOUR = 3_600_000;

function world() {
  const store = openSqliteStore(':memory:');
  let time = 1_800_000_000_000;
  const ownership = new Ownership({ store, namesPerOwner: 3, now: () => time });
  const pass = (ms: number): void => void (time += ms);
  return { store, ownership, pass, now: () => time };
}

test('a claimed name is its owner’s, and a second claim changes nothing but when it was used', () => {
  const { ownership, pass, now } = world();
  const since = now();
  assert.deepEqual(ownership.claim(['demo'], 'alice'), ['demo']);
  assert.deepEqual(ownership.reservation('demo'), { owner: 'alice', held: true });
  assert.equal(ownership.reservation('other'), undefined);
  pass(HOUR / 2);
  ownership.claim(['demo'], 'alice');
  assert.equal(ownership.show('demo')?.lastUsed, since, 'not written down more often than once an hour');
  pass(HOUR);
  assert.deepEqual(ownership.claim(['demo', 'other'], 'alice'), ['other']);
  assert.deepEqual([ownership.show('demo')?.since, ownership.show('demo')?.lastUsed], [since, now()]);
});

test('of several names either all are claimed or none', () => {
  const { ownership } = world();
  ownership.claim(['b'], 'bob');
  assert.throws(() => ownership.claim(['a', 'b'], 'alice'), { code: 'name-taken' });
  assert.equal(ownership.reservation('a'), undefined);
});

test('a name that was given up awaits nobody, and comes back to the same owner only', () => {
  const { ownership } = world();
  ownership.reserve('demo', 'alice');
  assert.equal(ownership.isAwaited('demo'), true);
  ownership.release('demo');
  assert.equal(ownership.isAwaited('demo'), false);
  assert.throws(() => ownership.claim(['demo'], 'bob'), { code: 'name-taken' });
  assert.throws(() => ownership.reserve('demo', 'bob'), { code: 'name-taken' });
  ownership.claim(['demo'], 'alice');
  assert.equal(ownership.isAwaited('demo'), true);
});

test('an administrator gives a name to another owner, and it is counted how often', () => {
  const { ownership } = world();
  ownership.claim(['demo'], 'alice');
  assert.equal(ownership.isForeign('demo', 'alice'), false);
  assert.equal(ownership.give('demo', 'bob').epoch, 1);
  assert.equal(ownership.isForeign('demo', 'alice'), true);
  assert.equal(ownership.give('demo', 'bob').epoch, 1, 'nothing changes hands');
  assert.equal(ownership.free('demo').epoch, 2);
  assert.deepEqual(ownership.reservation('demo'), { owner: undefined, held: false });
  ownership.claim(['demo'], 'carol');
  assert.deepEqual([ownership.show('demo')?.owner, ownership.show('demo')?.epoch], ['carol', 2]);
  assert.equal(ownership.give('new', 'bob').epoch, 0, 'nobody had it');
});

test('the limit counts names that are held', () => {
  const { ownership } = world();
  assert.equal(ownership.room('alice'), 3);
  ownership.claim(['a', 'b'], 'alice');
  ownership.release('b');
  assert.equal(ownership.room('alice'), 2);
  assert.deepEqual(
    ownership.list('alice').map(({ name }) => name),
    ['a', 'b'],
  );
});

test('what is no name, no owner or unknown is refused', () => {
  const { ownership } = world();
  assert.throws(() => ownership.reserve('www', 'alice'), { code: 'name-invalid' });
  assert.throws(() => ownership.give('demo', 'public'), { code: 'options-invalid' });
  assert.throws(() => ownership.release('demo'), { code: 'name-unknown' });
  assert.throws(() => ownership.free('demo'), { code: 'name-unknown' });
});

// The contract suite of the seam "what must outlast a restart": what every store must keep.

import assert from 'node:assert/strict';
import test from 'node:test';
import type { TestContext } from 'node:test';

import type { NameRecord, SpentLinkRecord, TokenRecord } from '../../bastion/store/records.ts';
import type { Store } from '../../bastion/store/store.ts';
import { eventually } from '../support/bastion-world.ts';

/** Another process's view of the same store, as often as it is called; closed with the test. */
export type OpenStore = (t: TestContext) => () => Store;

const name = (change: Partial<NameRecord> = {}): NameRecord => ({
  name: 'demo',
  owner: 'alice',
  since: 1,
  lastUsed: 2,
  epoch: 0,
  ...change,
});
const spent = (hash: string, expires: number): SpentLinkRecord => ({ hash, from: '192.0.2.7', expires });
const token: TokenRecord = {
  id: 't1',
  owner: 'alice',
  names: ['alice-*'],
  use: 'agent',
  created: 1,
  expires: 2,
  by: 'command line',
};

/** Runs the suite for one implementation. */
export function storeContract(label: string, open: OpenStore): void {
  test(`${label}: a record comes back as it was put, and by its group`, (t) => {
    const store = open(t)();
    assert.equal(store.names.get('demo'), undefined);
    store.names.put(name());
    store.names.put(name({ name: 'a-second' }));
    store.names.put(name({ name: 'other', owner: 'bob', released: 5 }));
    assert.deepEqual(store.names.get('demo'), name());
    assert.deepEqual(
      store.names.group('alice').map((record) => record.name),
      ['a-second', 'demo'],
    );
    assert.deepEqual(
      store.names.all().map((record) => record.name),
      ['a-second', 'demo', 'other'],
    );
  });

  test(`${label}: putting again replaces the record and its group; removing says whether there was one`, (t) => {
    const store = open(t)();
    store.names.put(name());
    store.names.put(name({ owner: 'bob' }));
    assert.deepEqual(store.names.group('alice'), []);
    assert.deepEqual(store.names.group('bob'), [name({ owner: 'bob' })]);
    assert.equal(store.names.remove('demo'), true);
    assert.equal(store.names.remove('demo'), false);
    assert.deepEqual(store.names.all(), []);
  });

  test(`${label}: every shelf keeps its own records, whatever their keys hold`, (t) => {
    const store = open(t)();
    for (const id of ['__proto__', "'; DROP TABLE names; --", 'ü', '']) {
      store.tokens.put({ ...token, id });
      assert.equal(store.tokens.get(id)?.id, id);
      assert.equal(store.names.get(id), undefined);
    }
    store.policies.put({ name: 'demo', owner: 'alice', changed: 1, policy: { access: 'private' } });
    store.shares.put({ id: 's', name: 'demo', owner: 'alice', created: 1, expires: 9, terms: { guest: 'bob' } });
    store.revocations.put({ id: 't1', at: 1, expires: 9 });
    assert.deepEqual(store.policies.get('demo')?.policy, { access: 'private' });
    assert.deepEqual(
      store.shares.group('demo').map(({ id }) => id),
      ['s'],
    );
    assert.equal(store.revocations.get('t1')?.at, 1);
  });

  test(`${label}: what throws within a step leaves nothing behind, also within a step within it`, (t) => {
    const store = open(t)();
    const failing = (): void => {
      store.atomically(() => {
        store.names.put(name());
        store.atomically(() => store.tokens.put(token));
        throw new Error('no');
      });
    };
    assert.throws(failing, /no/);
    assert.equal(store.names.get('demo'), undefined);
    assert.equal(store.tokens.get('t1'), undefined);
    store.names.put(name());
    assert.deepEqual(store.names.get('demo'), name());
  });

  test(`${label}: another process sees a finished step at once`, (t) => {
    const view = open(t);
    const [one, other] = [view(), view()];
    assert.equal(
      one.atomically(() => {
        one.names.put(name());
        return 'done';
      }),
      'done',
    );
    assert.deepEqual(other.names.get('demo'), name());
  });

  test(`${label}: who watches a shelf hears of changes, its own and others', and of no other shelf`, async (t) => {
    const view = open(t);
    const [one, other] = [view(), view()];
    let [heard, wrong] = [0, 0];
    const end = one.watch('revocations', () => (heard += 1));
    one.watch('policies', () => (wrong += 1));
    other.revocations.put({ id: 'x', at: 1, expires: 9 });
    assert.equal(heard, 0, 'never within the call');
    await eventually(() => heard === 1, "another's change is heard of");
    one.revocations.put({ id: 'y', at: 1, expires: 9 });
    await eventually(() => heard === 2, 'its own change is heard of');
    end();
    one.names.put(name());
    other.revocations.remove('x');
    let again = false;
    one.watch('names', () => (again = true));
    one.names.put(name({ lastUsed: 7 }));
    await eventually(() => again, 'others are still called');
    assert.deepEqual([heard, wrong], [2, 0]);
  });

  test(`${label}: sweeping removes what has expired, and nothing else`, (t) => {
    const store = open(t)();
    store.spentLinks.put(spent('a', 100));
    store.spentLinks.put(spent('b', 200));
    store.names.put(name());
    store.sweep(150);
    assert.equal(store.spentLinks.get('a'), undefined);
    assert.deepEqual(store.spentLinks.get('b'), spent('b', 200));
    assert.deepEqual(store.names.get('demo'), name());
  });

  test(`${label}: closing twice does no harm`, (t) => {
    const store = open(t)();
    store.watch('names', () => {});
    store.close();
    store.close();
  });
}

// An access book over a store that lives as long as the test file.

import { after } from 'node:test';

import { AccessBook } from '../../bastion/auth/access-book.ts';
import { openSqliteStore } from '../../bastion/store/sqlite.ts';

/** `now`: Unix milliseconds. */
export function accessBook(now?: () => number): AccessBook {
  const store = openSqliteStore(':memory:');
  after(() => store.close());
  return new AccessBook({ store, ...(now === undefined ? {} : { now }) });
}

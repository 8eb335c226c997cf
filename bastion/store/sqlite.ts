// The store as one SQLite file (built into Node.js), in WAL mode: the bastion, its successor and the command line share it.

import { closeSync, openSync, statSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import type { StatementSync } from 'node:sqlite';

import { PosternError } from '../../shared/errors.ts';
import { systemClock } from '../../shared/mux/clock.ts';
import type { Clock } from '../../shared/mux/clock.ts';
import { SHELVES } from './records.ts';
import type { Filing, ShelfName } from './records.ts';
import type { Shelf, Store } from './store.ts';

/**
 * Statements that bring a file from one version to the next. A release apart, old and new processes share the file during a
 * hand-over: so they only ever add. Never change one that was released.
 */
const MIGRATIONS: readonly string[] = [
  ['names', 'tokens', 'revocations', 'policies', 'shares', 'spentLinks'].map(shelfTable).join('') +
    'CREATE TABLE revisions (shelf TEXT PRIMARY KEY, revision INTEGER NOT NULL) STRICT;',
];

/** How often others' changes are looked for, in milliseconds. */
const LOOK_EVERY_MS = 200;
/** How long a call may wait for another process to finish its change, in milliseconds. */
const BUSY_MS = 5_000;

/** Opens the file, which is made with mode 0600 if it is missing. Throws PosternError `state-unusable`. */
export function openSqliteStore(path: string, clock: Clock = systemClock): Store {
  return guarded(path, () => {
    if (path !== ':memory:') makePrivate(path);
    const database = new DatabaseSync(path);
    try {
      return new SqliteStore(database, path, clock);
    } catch (error) {
      database.close();
      throw error;
    }
  });
}

function shelfTable(name: string): string {
  return (
    `CREATE TABLE ${name} (id TEXT PRIMARY KEY, grp TEXT NOT NULL, expires INTEGER, body TEXT NOT NULL) STRICT;` +
    `CREATE INDEX ${name}_grp ON ${name} (grp, id);` +
    `CREATE INDEX ${name}_expires ON ${name} (expires) WHERE expires IS NOT NULL;`
  );
}

class SqliteStore implements Store {
  readonly names: Store['names'];
  readonly tokens: Store['tokens'];
  readonly revocations: Store['revocations'];
  readonly policies: Store['policies'];
  readonly shares: Store['shares'];
  readonly spentLinks: Store['spentLinks'];
  readonly #database: DatabaseSync;
  readonly #path: string;
  readonly #clock: Clock;
  readonly #watchers = new Map<ShelfName, Set<() => void>>();
  readonly #revisions: StatementSync;
  #known: ReadonlyMap<string, number>;
  #timer: unknown;
  #within = false;

  constructor(database: DatabaseSync, path: string, clock: Clock) {
    this.#database = database;
    this.#path = path;
    this.#clock = clock;
    // FULL: the journal is on the disk before a change returns.
    database.exec(`PRAGMA busy_timeout = ${BUSY_MS}; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;`);
    this.atomically(() => migrate(database));
    this.#revisions = database.prepare('SELECT shelf, revision FROM revisions');
    this.#known = this.#readRevisions();
    this.names = this.#shelf('names', SHELVES.names);
    this.tokens = this.#shelf('tokens', SHELVES.tokens);
    this.revocations = this.#shelf('revocations', SHELVES.revocations);
    this.policies = this.#shelf('policies', SHELVES.policies);
    this.shares = this.#shelf('shares', SHELVES.shares);
    this.spentLinks = this.#shelf('spentLinks', SHELVES.spentLinks);
  }

  atomically<T>(work: () => T): T {
    if (this.#within) return work();
    return this.#try(() => {
      this.#database.exec('BEGIN IMMEDIATE');
      this.#within = true;
      try {
        const result = work();
        this.#database.exec('COMMIT');
        return result;
      } finally {
        this.#within = false;
        // Also when the commit itself failed, as on a full disk.
        if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
      }
    });
  }

  watch(shelf: ShelfName, changed: () => void): () => void {
    const watchers = this.#watchers.get(shelf) ?? new Set();
    this.#watchers.set(shelf, watchers.add(changed));
    this.#timer ??= this.#clock.setTimeout(() => this.#look(), LOOK_EVERY_MS);
    return () => watchers.delete(changed);
  }

  sweep(before: number): void {
    this.atomically(() => {
      for (const shelf of Object.keys(SHELVES) as ShelfName[]) {
        const { changes } = this.#database.prepare(`DELETE FROM ${shelf} WHERE expires < ?`).run(before);
        if (changes > 0) this.#database.prepare(COUNT_CHANGE).run(shelf);
      }
    });
  }

  close(): void {
    if (!this.#database.isOpen) return;
    this.#clock.clearTimeout(this.#timer);
    this.#watchers.clear();
    this.#database.close();
  }

  #shelf<R>(name: ShelfName, filing: Filing<R>): Shelf<R> {
    const [database, attempt] = [this.#database, <T>(work: () => T): T => this.#try(work)];
    const get = database.prepare(`SELECT body FROM ${name} WHERE id = ?`);
    const group = database.prepare(`SELECT body FROM ${name} WHERE grp = ? ORDER BY id`);
    const all = database.prepare(`SELECT body FROM ${name} ORDER BY id`);
    const put = database.prepare(`INSERT OR REPLACE INTO ${name} (id, grp, expires, body) VALUES (?, ?, ?, ?)`);
    const remove = database.prepare(`DELETE FROM ${name} WHERE id = ?`);
    const count = database.prepare(COUNT_CHANGE);
    const read = (row: unknown): R => JSON.parse((row as { body: string }).body) as R;
    return {
      get: (key) => attempt(() => optional(get.get(key), read)),
      group: (of) => attempt(() => group.all(of).map(read)),
      all: () => attempt(() => all.all().map(read)),
      put: (record) =>
        this.atomically(() => {
          const row = [
            filing.key(record),
            filing.group(record),
            filing.expires(record) ?? null,
            JSON.stringify(record),
          ];
          put.run(...row);
          count.run(name);
        }),
      remove: (key) =>
        this.atomically(() => {
          const there = remove.run(key).changes > 0;
          if (there) count.run(name);
          return there;
        }),
    };
  }

  /** Reads five small rows: what others changed is seen by them, and so is what this process did. */
  #look(): void {
    this.#timer = this.#clock.setTimeout(() => this.#look(), LOOK_EVERY_MS);
    const before = this.#known;
    this.#known = this.#readRevisions();
    for (const [shelf, watchers] of this.#watchers) {
      if (this.#known.get(shelf) === before.get(shelf)) continue;
      for (const changed of [...watchers]) changed();
    }
  }

  #readRevisions(): ReadonlyMap<string, number> {
    const rows = this.#try(() => this.#revisions.all()) as { shelf: string; revision: number }[];
    return new Map(rows.map(({ shelf, revision }) => [shelf, revision]));
  }

  #try<T>(work: () => T): T {
    return guarded(this.#path, work);
  }
}

const COUNT_CHANGE =
  'INSERT INTO revisions (shelf, revision) VALUES (?, 1) ON CONFLICT (shelf) DO UPDATE SET revision = revision + 1';

function migrate(database: DatabaseSync): void {
  const { user_version: version } = database.prepare('PRAGMA user_version').get() as { user_version: number };
  for (const statements of MIGRATIONS.slice(version)) database.exec(statements);
  // A newer release only added to it: what this one knows is all there.
  if (version < MIGRATIONS.length) database.exec(`PRAGMA user_version = ${MIGRATIONS.length}`);
}

function optional<T>(row: unknown, read: (row: unknown) => T): T | undefined {
  return row === undefined ? undefined : read(row);
}

/** What is beside it (-wal, -shm) gets the file's own mode from SQLite. */
function makePrivate(path: string): void {
  closeSync(openSync(path, 'a', 0o600));
  if ((statSync(path).mode & 0o077) !== 0)
    throw new PosternError('state-unusable', `${path}: other users may read it; its mode must be 0600`);
}

function guarded<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    if (cause instanceof PosternError || !(cause instanceof Error) || !('code' in cause)) throw cause;
    throw new PosternError('state-unusable', `${path}: ${cause.message}`, { cause });
  }
}

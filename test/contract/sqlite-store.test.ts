// The SQLite store keeps the store's contract, in a file of its own mode that survives crashes and releases.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import test from 'node:test';
import type { TestContext } from 'node:test';

import { openSqliteStore } from '../../bastion/store/sqlite.ts';
import { storeContract } from './store.ts';

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'postern-'));
  t.after(() => rmSync(path, { recursive: true }));
  return path;
}

storeContract('sqlite', (t) => {
  const path = join(folder(t), 'bastion.db');
  return () => {
    const store = openSqliteStore(path);
    t.after(() => store.close());
    return store;
  };
});

test('nobody else can read the file, nor what SQLite puts beside it', (t) => {
  const directory = folder(t);
  const store = openSqliteStore(join(directory, 'bastion.db'));
  t.after(() => store.close());
  store.revocations.put({ id: 'x', at: 1, expires: 2 });
  const files = readdirSync(directory);
  assert.ok(files.length >= 3, files.join());
  for (const file of files) assert.equal(statSync(join(directory, file)).mode & 0o777, 0o600, file);
});

test('a file that others can read, or that is no database, is refused', (t) => {
  const path = join(folder(t), 'bastion.db');
  writeFileSync(path, 'x'.repeat(5000), { mode: 0o600 });
  assert.throws(() => openSqliteStore(path), { code: 'state-unusable' });
  rmSync(path);
  openSqliteStore(path).close();
  chmodSync(path, 0o640);
  assert.throws(() => openSqliteStore(path), { code: 'state-unusable' });
});

test('what was put before the process was killed is there afterwards', (t) => {
  const path = join(folder(t), 'bastion.db');
  const source = new URL('../../bastion/store/sqlite.ts', import.meta.url).href;
  const program = `
    const { openSqliteStore } = await import(${JSON.stringify(source)});
    const store = openSqliteStore(${JSON.stringify(path)});
    for (let i = 0; i < 50; i += 1) store.spentLinks.put({ hash: 'h' + i, from: '', expires: 1 });
    try { store.atomically(() => { store.names.put({ name: 'half', since: 1, lastUsed: 1, epoch: 0 }); process.kill(process.pid, 'SIGKILL'); }); } catch {}
  `;
  const { signal } = spawnSync(process.execPath, ['--input-type=module', '-e', program], { timeout: 20_000 });
  assert.equal(signal, 'SIGKILL');
  const store = openSqliteStore(path);
  t.after(() => store.close());
  assert.equal(store.spentLinks.all().length, 50);
  assert.equal(store.names.get('half'), undefined);
});

test('a file of an earlier version is brought up to date, and one of a later version is used as it is', (t) => {
  const path = join(folder(t), 'bastion.db');
  const database = new DatabaseSync(path);
  database.exec('PRAGMA user_version = 0');
  database.close();
  chmodSync(path, 0o600);
  const store = openSqliteStore(path);
  store.revocations.put({ id: 'x', at: 1, expires: 2 });
  store.close();
  const later = new DatabaseSync(path);
  later.exec(
    "CREATE TABLE future (x TEXT); ALTER TABLE tokens ADD COLUMN note TEXT DEFAULT ''; PRAGMA user_version = 99",
  );
  later.close();
  const again = openSqliteStore(path);
  t.after(() => again.close());
  assert.equal(again.revocations.get('x')?.at, 1);
  again.tokens.put({ id: 't', owner: 'a', names: [], use: 'agent', created: 1, expires: 2, by: '' });
  assert.equal(again.tokens.get('t')?.owner, 'a');
});

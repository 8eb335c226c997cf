// The audit log on disk: private, added to only, put aside when it is long, and never a reason to fail.

import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, readFileSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import type { TestContext } from 'node:test';

import { AuditLog } from '../../../bastion/audit-log.ts';
import type { AuditLogOptions } from '../../../bastion/audit-log.ts';
import { NO_LOG } from '../../../shared/program/log.ts';

function world(t: TestContext, change: Partial<AuditLogOptions> = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'postern-'));
  t.after(() => {
    chmodSync(folder, 0o700);
    rmSync(folder, { recursive: true });
  });
  const path = join(folder, 'audit.log');
  let time = 1_800_000_000_000;
  const options = { path, rotateBytes: 1e9, keep: 2, log: NO_LOG, now: () => (time += 1000), ...change };
  const audit = new AuditLog(options);
  t.after(() => audit.close());
  const revoked = (id: string): void => audit.record({ event: 'token-revoked', credentialId: id, by: 'test' });
  const lines = (): string[] => readFileSync(path, 'utf8').trimEnd().split('\n');
  return { audit, folder, path, options, revoked, lines };
}

test('each event is a line of JSON with its time, in a file that nobody else can read', (t) => {
  const { path, revoked, lines } = world(t);
  revoked('t1');
  revoked('with\nline feed');
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.deepEqual(
    lines().map((line) => JSON.parse(line) as unknown),
    [
      { time: '2027-01-15T08:00:01.000Z', event: 'token-revoked', credentialId: 't1', by: 'test' },
      { time: '2027-01-15T08:00:02.000Z', event: 'token-revoked', credentialId: 'with\nline feed', by: 'test' },
    ],
  );
});

test('two processes add to one file, and neither overwrites the other', (t) => {
  const { options, revoked, lines } = world(t);
  const other = new AuditLog(options);
  t.after(() => other.close());
  revoked('t1');
  other.record({ event: 'token-revoked', credentialId: 't2', by: 'other' });
  revoked('t3');
  assert.deepEqual(
    lines().map((line) => (JSON.parse(line) as { credentialId: string }).credentialId),
    ['t1', 't2', 't3'],
  );
});

test('a long file is put aside, and only so many are kept', (t) => {
  const { folder, revoked } = world(t, { rotateBytes: 300, keep: 2 });
  for (let i = 0; i < 20; i++) revoked(`t${i}`);
  const files = readdirSync(folder).filter((file) => file.startsWith('audit.log.'));
  assert.equal(files.length, 2, files.join());
  assert.match(files[0] ?? '', /^audit\.log\.20270115T\d{6}\.\d{3}Z$/);
  assert.ok(files.every((file) => statSync(join(folder, file)).size < 500));
});

test('after somebody moved the file away, it is made anew when told to', (t) => {
  const { audit, path, revoked, lines } = world(t);
  revoked('t1');
  renameSync(path, `${path}.moved`);
  revoked('t2');
  audit.reopen();
  revoked('t3');
  assert.equal(lines().length, 1);
  assert.equal(readFileSync(`${path}.moved`, 'utf8').trimEnd().split('\n').length, 2);
});

test('a file that others can read is refused', (t) => {
  const { path, options } = world(t);
  chmodSync(path, 0o640);
  assert.throws(() => new AuditLog(options), { code: 'options-invalid' });
  assert.throws(() => new AuditLog({ ...options, path: join(path, 'x') }), { code: 'options-invalid' });
});

test('what cannot be written is counted and told once, and goes on when it can', (t) => {
  let errors = 0;
  const { audit, path, revoked, lines } = world(t, { log: { ...NO_LOG, error: () => void (errors += 1) } });
  chmodSync(path, 0o644);
  audit.reopen();
  revoked('t1');
  revoked('t2');
  assert.deepEqual([audit.lost, errors], [2, 1]);
  chmodSync(path, 0o600);
  revoked('t3');
  assert.equal(lines().length, 1);
});

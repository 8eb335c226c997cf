// The access log: one JSON line for each exchange, in a file only we can read, that may be moved away while in use.

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';

import { openAccessLog } from '../../../bastion/access-log.ts';
import type { ExchangeRecord } from '../../../bastion/front/exchange-record.ts';
import { NO_LOG } from '../../../shared/program/log.ts';
import type { Log } from '../../../shared/program/log.ts';

const record: ExchangeRecord = {
  requestId: '1',
  name: 'demo',
  service: 'web',
  address: '192.0.2.1',
  protocol: 'HTTP/1.1',
  method: 'GET',
  path: '/a"\n\u001b[31m',
  status: 200,
  bytesIn: 0,
  bytesOut: 2,
  durationMs: 1.5,
  upgrade: false,
};

test('lines go to the file, and after a reopen to the new one', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'postern-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'access.log');
  const log = openAccessLog(path, NO_LOG);
  log.write(record);
  log.reopen();
  log.write({ ...record, requestId: '2' });
  await log.close();
  const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
  assert.deepEqual(lines.map((line) => (JSON.parse(line) as { requestId: string }).requestId).toSorted(), ['1', '2']);
  assert.equal((JSON.parse(lines[0] as string) as { path: string }).path, record.path);
  assert.equal(statSync(path).mode & 0o777, 0o600);

  renameSync(path, `${path}.1`);
  const next = openAccessLog(path, NO_LOG);
  next.write({ ...record, requestId: '3' });
  await next.close();
  assert.match(readFileSync(path, 'utf8'), /"requestId":"3"/);
});

test('the word log means the log of the program, nothing means none', async () => {
  const seen: object[] = [];
  const log: Log = { ...NO_LOG, child: () => log, info: (fields) => void seen.push(fields) };
  openAccessLog('log', log).write(record);
  openAccessLog(undefined, log).write(record);
  assert.deepEqual(seen, [record]);
});

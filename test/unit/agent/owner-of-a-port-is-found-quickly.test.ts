// The check of a port's owner runs at every dial: it reads the kernel's tables no further than to the socket that it looks for.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';

import { listenerSearch } from '../../../agent/upstreams/listening-sockets.ts';
import { portOwnedBy } from '../../../agent/upstreams/ownership.ts';

const HEAD = '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n';

function line(port: number, state: string, uid: number): string {
  const local = `0100007F:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  return `   0: ${local} 00000000:0000 ${state} 00000000:00000000 00:00000000 00000000  ${uid}        0 1 1 0 100 0 0 10 0\n`;
}

const connections = (count: number): string => line(8888, '01', 7).repeat(count);

function tableFile(t: TestContext, text: string): string {
  const directory = mkdtempSync(join(tmpdir(), 'postern-test-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const path = join(directory, 'tcp');
  writeFileSync(path, text);
  return path;
}

test('a listener is found wherever it stands in the table', (t) => {
  for (const before of [0, 1, 2, 300, 5000]) {
    const find = listenerSearch([tableFile(t, HEAD + connections(before) + line(8888, '0A', 42) + connections(3))]);
    const found = find('127.0.0.1', 8888);
    assert.ok(typeof found === 'object' && found.uid === 42, `${before} lines before it`);
    assert.equal(find('127.0.0.1', 8889), 'nobody');
  }
});

test('a last line without an end is read, too', (t) => {
  const find = listenerSearch([tableFile(t, HEAD + line(8888, '0A', 42).trimEnd())]);
  assert.equal((find('127.0.0.1', 8888) as { uid: number }).uid, 42);
});

test('the second table is searched when the first holds nothing, or cannot be read', (t) => {
  const second = tableFile(t, HEAD + line(8888, '0A', 42));
  for (const first of [tableFile(t, HEAD + connections(10)), '/nowhere/tcp']) {
    const find = listenerSearch([first, second]);
    for (let i = 0; i < 2; i++) assert.equal((find('127.0.0.1', 8888) as { uid: number }).uid, 42);
  }
});

test('without a table the answer is no', async () => {
  const find = listenerSearch(['/nowhere/tcp', '/nowhere/tcp6']);
  assert.equal(find('127.0.0.1', 8888), undefined);
  await assert.rejects(portOwnedBy(1000, '127.0.0.1', 8888, find)(), { code: 'upstream-foreign' });
});

test('dials of one turn share a look, which begins after all of them; a later one gets its own', async () => {
  let looks = 0;
  let uid = 1000;
  const check = portOwnedBy(1000, '127.0.0.1', 8888, () => {
    looks++;
    return { address: '0100007F', port: 8888, uid };
  });
  const together = [check(), check(), check()];
  assert.equal(looks, 0);
  await Promise.all(together);
  assert.equal(looks, 1);
  uid = 1001;
  await assert.rejects(check(), { code: 'upstream-foreign' });
  assert.equal(looks, 2);
});

// A killed agent's private directory goes when the next agent starts; nothing goes that may be in use, or is not the agent's.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';

import { removeLeftovers } from '../../../agent/leftovers.ts';

const DAY_MS = 86_400_000;

function folder(t: TestContext) {
  const parent = mkdtempSync(join(tmpdir(), 'postern-test-'));
  t.after(() => rmSync(parent, { recursive: true, force: true }));
  const { uid } = lstatSync(parent);
  return {
    parent,
    uid,
    make: (name: string, mode = 0o700): string => {
      const path = join(parent, name);
      mkdirSync(path);
      chmodSync(path, mode);
      return path;
    },
    /** As an agent would that starts so many days later. */
    sweep: (days: number, as = uid) => removeLeftovers({ parent, uid: as, now: Date.now() + days * DAY_MS }),
  };
}

test('what is empty for a day goes, what is younger stays', async (t) => {
  const { make, sweep } = folder(t);
  const path = make('postern-Ab12Cd');
  await sweep(0.9);
  assert.ok(existsSync(path));
  await sweep(1.1);
  assert.ok(!existsSync(path));
});

test('a socket goes when nobody listens at it any more, and not before', async (t) => {
  const { make, sweep } = folder(t);
  const path = make('postern-Ab12Cd');
  const server = createServer();
  server.listen(join(path, 'socket'));
  await once(server, 'listening');
  await sweep(2);
  assert.ok(existsSync(join(path, 'socket')));
  // What kill -9 leaves: closing by itself would remove the file.
  linkSync(join(path, 'socket'), join(path, 'kept'));
  server.close();
  await once(server, 'close');
  linkSync(join(path, 'kept'), join(path, 'socket'));
  rmSync(join(path, 'kept'));
  await sweep(2);
  assert.ok(!existsSync(path));
});

test('nothing else goes: other names, other modes, other owners, links, directories that hold something', async (t) => {
  const { parent, make, sweep, uid } = folder(t);
  const stays = [make('postern-test-Ab12Cd'), make('other'), make('postern-AAAAAA', 0o755), make('postern-BBBBBB')];
  writeFileSync(join(stays[3]!, 'notes'), 'mine');
  const target = make('target');
  symlinkSync(target, join(parent, 'postern-CCCCCC'));
  await sweep(2);
  for (const path of [...stays, target, join(stays[3]!, 'notes'), join(parent, 'postern-CCCCCC')])
    assert.ok(existsSync(path), path);
  const foreign = make('postern-DDDDDD');
  await sweep(2, uid + 1);
  assert.ok(existsSync(foreign));
});

test('a parent that is not there, or not to be read, is no problem', async () => {
  await removeLeftovers({ parent: '/nowhere/at/all', uid: 0, now: Date.now() });
});

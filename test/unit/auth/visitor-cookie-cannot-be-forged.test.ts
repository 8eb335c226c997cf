// A visitor's cookie holds for its name, its owner and its time, under keys that rotate and outlast a restart.

import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import type { TestContext } from 'node:test';

import { withoutOwnCookies } from '../../../bastion/auth/own-cookies.ts';
import { SessionKeys } from '../../../bastion/auth/session-keys.ts';
import { VisitorSessions } from '../../../bastion/auth/visitor-session.ts';

const DAY = 86_400_000;
const START = 1_800_000_000_000;

function world(t: TestContext): { directory: string; clock: { now: number }; open(): VisitorSessions } {
  const parent = mkdtempSync(join(tmpdir(), 'postern-'));
  t.after(() => rmSync(parent, { recursive: true }));
  const directory = join(parent, 'keys');
  const clock = { now: START };
  const now = (): number => clock.now;
  const open = (): VisitorSessions => {
    const keys = new SessionKeys({ directory, rotateAfterMs: 7 * DAY, keepMs: DAY, now });
    return new VisitorSessions({ keys, ttlMs: DAY, now });
  };
  return { directory, clock, open };
}

const pair = (setCookie: string): string => setCookie.split(';')[0] as string;

test('a cookie opens its own name for its own owner until it expires, the second time from the cache', (t) => {
  const { clock, open } = world(t);
  const sessions = open();
  const cookie = `_xsrf=1; ${pair(sessions.issue('demo', 'alice'))}; theme=dark`;
  for (let i = 0; i < 2; i++) {
    assert.equal(sessions.verify(cookie, 'demo', 'alice')?.owner, 'alice');
    assert.equal(sessions.verify(cookie, 'demo', 'bob'), undefined);
    assert.equal(sessions.verify(cookie, 'other', 'alice'), undefined);
  }
  clock.now += DAY;
  assert.equal(sessions.verify(cookie, 'demo', 'alice'), undefined);
});

test('no changed character is accepted, neither before nor after the cookie was cached', (t) => {
  const sessions = world(t).open();
  const cookie = pair(sessions.issue('demo', 'alice'));
  const start = cookie.indexOf('=') + 1;
  for (let round = 0; round < 2; round++) {
    for (let at = start; at < cookie.length - 1; at++) {
      const changed = cookie.slice(0, at) + (cookie[at] === 'A' ? 'B' : 'A') + cookie.slice(at + 1);
      assert.equal(sessions.verify(changed, 'demo', 'alice'), undefined, `position ${at}`);
    }
    assert.ok(sessions.verify(cookie, 'demo', 'alice'));
  }
});

test('garbage is no session', (t) => {
  const sessions = world(t).open();
  const longest = `__Host-postern=${'x.'.repeat(5000)}`;
  for (const header of [
    '',
    '__Host-postern',
    '__Host-postern=',
    '__Host-postern=.',
    '__Host-postern=..',
    longest,
    ';;=;',
  ])
    assert.equal(sessions.verify(header, 'demo', 'alice'), undefined);
});

test('a restarted bastion, and a second one beside it, know the cookies of the first', (t) => {
  const { clock, open } = world(t);
  const first = open();
  const second = open();
  const cookie = pair(first.issue('demo', 'alice'));
  assert.ok(open().verify(cookie, 'demo', 'alice'));
  clock.now += 6_000;
  assert.ok(second.verify(cookie, 'demo', 'alice'));
});

test('a rotated key signs no more, verifies for one more lifetime, and is then deleted', (t) => {
  const { clock, directory, open } = world(t);
  const sessions = open();
  sessions.issue('demo', 'alice');
  clock.now += 7 * DAY - 1;
  const last = pair(sessions.issue('demo', 'alice'));
  assert.equal(readdirSync(directory).length, 1);
  clock.now += 1;
  sessions.issue('demo', 'alice');
  assert.equal(readdirSync(directory).length, 2);
  assert.ok(open().verify(last, 'demo', 'alice'));
  clock.now += 7 * DAY + 1;
  sessions.issue('demo', 'alice');
  clock.now += 7 * DAY;
  sessions.issue('demo', 'alice');
  assert.equal(readdirSync(directory).length, 2);
});

test('keys are files that only we can read, and one that others could read is refused', (t) => {
  const { directory, open } = world(t);
  open().issue('demo', 'alice');
  const [file] = readdirSync(directory);
  assert.equal(statSync(join(directory, file as string)).mode & 0o777, 0o600);
  writeFileSync(join(directory, '1800000000001-00000000'), '00'.repeat(32), { mode: 0o644 });
  assert.throws(open, { code: 'state-unusable' });
});

const STRIPPED: readonly [string, string | undefined][] = [
  ['a=1; b=2', 'a=1; b=2'],
  ['__Host-postern=x', undefined],
  ['__Host-postern=x; a=1', 'a=1'],
  ['a=1; __Host-postern=x; b=2', 'a=1; b=2'],
  ['a=1;__Host-postern=x;b=2', 'a=1;b=2'],
  ['a=1; __Host-postern = x ; __Host-postern=y', 'a=1'],
  ['a=__Host-postern', 'a=__Host-postern'],
  ['__Host-postern-pass=x; a=1', 'a=1'],
  ['__Host-other=x; a=1', '__Host-other=x; a=1'],
  ['__Host-postern', undefined],
  ['a=b; __host-pOstern=1', 'a=b'],
];

for (const [header, expected] of STRIPPED)
  test(`the notebook gets "${expected ?? 'no cookie'}" of "${header}"`, () => {
    assert.equal(withoutOwnCookies(header), expected);
  });

// The agent reads its credential's file again and again: a fresh one goes to the bastion, and a missing one is warned of.

import assert from 'node:assert/strict';
import test from 'node:test';

import { Credential } from '../../../agent/credential.ts';
import { PosternError } from '../../../shared/errors.ts';
import { NO_LOG } from '../../../shared/program/log.ts';
import type { Log } from '../../../shared/program/log.ts';
import type { Info } from '../../../shared/wire/handshake.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const START = 1_800_000_000_000;
const HOUR = 3_600_000;

function world() {
  const clock = new FakeClock();
  const now = (): number => START + clock.now();
  const file = { text: 'first' as string | PosternError };
  const sent: Info[] = [];
  const lines: string[] = [];
  const note = (_fields: object, text: string): void => void lines.push(text);
  const log: Log = { ...NO_LOG, info: note, warn: note };
  const read = (): string => {
    if (file.text instanceof PosternError) throw file.text;
    return file.text;
  };
  const credential = new Credential({ read, send: (info) => void sent.push(info), log, clock, now });
  return { clock, now, file, sent, lines, credential };
}

test('a file that does not change sends nothing, and a fresh credential is sent once', async () => {
  const { clock, now, file, sent, lines, credential } = world();
  credential.holdsUntil(now() + 2 * HOUR);
  await clock.advance(HOUR);
  assert.deepEqual(sent, []);
  file.text = 'second';
  await clock.advance(60_000);
  assert.deepEqual(sent, [{ type: 'credential', credential: 'second' }]);
  credential.judged({ type: 'credential-judged', expiresAt: START + 4 * HOUR });
  await clock.advance(2 * HOUR);
  assert.equal(sent.length, 1);
  assert.deepEqual(lines, ['The bastion took the fresh credential']);
});

test('a person is warned once when the end is near and there is no fresh one', async () => {
  const { clock, now, lines, credential } = world();
  credential.holdsUntil(now() + HOUR);
  await clock.advance(HOUR - 660_000);
  assert.deepEqual(lines, []);
  await clock.advance(600_000);
  assert.equal(lines.length, 1);
  assert.match(lines[0] ?? '', /ends soon/);
});

test('one that is refused is not sent again, and the next one is', async () => {
  const { clock, now, file, sent, lines, credential } = world();
  credential.holdsUntil(now() + HOUR);
  file.text = 'wrong';
  await clock.advance(60_000);
  credential.judged({ type: 'credential-judged', expiresAt: START + HOUR, code: 'credential-invalid' });
  await clock.advance(60_000);
  assert.equal(sent.length, 1);
  assert.match(lines.join(), /does not take/);
  file.text = 'right';
  await clock.advance(60_000);
  assert.deepEqual(sent[1], { type: 'credential', credential: 'right' });
});

test('a file that is just being written is read later, and told of once', async () => {
  const { clock, now, file, sent, lines, credential } = world();
  credential.holdsUntil(now() + HOUR);
  file.text = new PosternError('options-invalid', 'it is empty');
  await clock.advance(120_000);
  assert.equal(lines.length, 1);
  file.text = 'second';
  await clock.advance(60_000);
  assert.equal(sent.length, 1);
});

test('a credential of seconds is looked after all the same', async () => {
  const { clock, now, file, sent, credential } = world();
  credential.holdsUntil(now() + 3000);
  file.text = 'second';
  await clock.advance(1000);
  assert.equal(sent.length, 1);
});

test('nothing is read after the end', async () => {
  const { clock, now, file, sent, credential } = world();
  credential.holdsUntil(now() + HOUR);
  credential.close();
  credential.holdsUntil(now() + HOUR);
  file.text = 'second';
  await clock.advance(HOUR);
  assert.deepEqual([sent, clock.pending], [[], 0]);
});

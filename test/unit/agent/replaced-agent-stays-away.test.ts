// A newer agent took the name: this one says so and does not dial again.

import assert from 'node:assert/strict';
import test from 'node:test';

import { refusal, superviseFake } from '../../support/supervision.ts';

test('GOAWAY replaced: no more attempts, and running streams are left alone', async () => {
  const { supervisor, last, attempts, log, clock } = superviseFake(0);
  supervisor.start();
  const session = await last().accept();
  await last().sendAway({ code: 'replaced', reconnectAfterMs: 0 });
  assert.equal(supervisor.state, 'replaced');
  assert.equal(session.destroyed, false);
  await session.lose();
  await clock.advance(600_000);
  assert.equal(attempts.length, 1);
  assert.deepEqual(log, ['up', 'replaced']);
});

test('an agent that comes back from a broken network and is told so stays away, too', async () => {
  const { supervisor, last, attempts, clock } = superviseFake(0);
  supervisor.start();
  const session = await last().accept();
  await session.lose();
  await clock.advance(0);
  await last().reject(refusal('replaced'));
  assert.equal(supervisor.state, 'replaced');
  await clock.advance(600_000);
  assert.equal(attempts.length, 2);
});

test('a replaced agent can still be closed', async () => {
  const { supervisor, last } = superviseFake(0);
  supervisor.start();
  const session = await last().accept();
  await last().sendAway({ code: 'replaced', reconnectAfterMs: 0 });
  const closing = supervisor.close();
  assert.ok(session.closing);
  await session.lose('session-closed');
  await closing;
  assert.equal(supervisor.state, 'ended');
});

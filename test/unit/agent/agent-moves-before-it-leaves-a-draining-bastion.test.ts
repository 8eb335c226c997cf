// GOAWAY: the next session is opened before the old one is left, and the old one's streams finish.

import assert from 'node:assert/strict';
import test from 'node:test';

import { settled } from '../../support/fake-clock.ts';
import { nobodyThere, superviseFake } from '../../support/supervision.ts';

test('the old session is closed only once the next one stands', async () => {
  const { supervisor, last, attempts, log, clock } = superviseFake(0.5);
  supervisor.start();
  const old = await last().accept();
  await last().sendAway({ code: 'draining', reconnectAfterMs: 1000 });
  assert.equal(log.at(-1), 'lost draining 1100');
  await clock.advance(1100);
  assert.equal(attempts.length, 2);
  assert.equal(old.closing, false);
  await last().reject(nobodyThere());
  await clock.advance(3000);
  assert.equal(old.closing, false);
  const next = await last().accept();
  assert.equal(old.closing, true);
  assert.equal(old.destroyed, false);
  assert.equal(next.closing, false);
  assert.equal(supervisor.state, 'serving');
});

test('the end of a session that was left changes nothing', async () => {
  const { supervisor, last, attempts, clock } = superviseFake(0);
  supervisor.start();
  const old = await last().accept();
  await last().sendAway({ code: 'draining', reconnectAfterMs: 0 });
  await clock.advance(0);
  await last().accept();
  await old.lose();
  await clock.advance(60_000);
  assert.equal(supervisor.state, 'serving');
  assert.equal(attempts.length, 2);
});

test('INFO goes to every session that lives', async () => {
  const { supervisor, last, clock } = superviseFake(0);
  supervisor.start();
  const old = await last().accept();
  await last().sendAway({ code: 'draining', reconnectAfterMs: 0 });
  await clock.advance(0);
  const next = await last().accept();
  supervisor.sendInfo({ type: 'links', hashes: [] });
  assert.equal(old.infos.length, 1);
  assert.equal(next.infos.length, 1);
});

test('a GOAWAY that comes with the acceptance counts', async () => {
  const { supervisor, last, attempts, clock } = superviseFake(0);
  supervisor.start();
  await last().sendAway({ code: 'draining', reconnectAfterMs: 500 });
  await last().accept();
  assert.equal(supervisor.state, 'waiting');
  await clock.advance(500);
  assert.equal(attempts.length, 2);
});

test('closing waits for the streams of the old and the new session', async () => {
  const { supervisor, last, clock } = superviseFake(0);
  supervisor.start();
  const old = await last().accept();
  await last().sendAway({ code: 'draining', reconnectAfterMs: 0 });
  await clock.advance(0);
  const next = await last().accept();
  let closed = false;
  const closing = supervisor.close().then(() => (closed = true));
  await next.lose('session-closed');
  await settled();
  assert.equal(closed, false);
  await old.lose('session-closed');
  await closing;
});

test('destroying ends all of them now', async () => {
  const { supervisor, last, clock } = superviseFake(0);
  supervisor.start();
  const old = await last().accept();
  await last().sendAway({ code: 'draining', reconnectAfterMs: 0 });
  await clock.advance(0);
  const next = await last().accept();
  void supervisor.close();
  supervisor.destroy((await import('../../../shared/errors.ts')).asPosternError(new Error('now')));
  assert.ok(old.destroyed && next.destroyed);
});

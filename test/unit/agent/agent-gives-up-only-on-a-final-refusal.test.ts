// Only the bastion itself, before the first registration, can make an agent give up.

import assert from 'node:assert/strict';
import test from 'node:test';

import { ERRORS } from '../../../shared/errors.ts';
import { nobodyThere, refusal, stray, superviseFake } from '../../support/supervision.ts';

for (const { code } of ERRORS.filter(({ agent }) => agent === 'final')) {
  test(`${code} in a problem document ends an agent that was never registered`, async () => {
    const { supervisor, last } = superviseFake();
    supervisor.start();
    await last().reject(refusal(code));
    assert.equal(supervisor.state, 'ended');
    assert.equal((await supervisor.closed).code, code);
  });
}

for (const { code } of ERRORS.filter(({ agent }) => agent === 'retry')) {
  test(`${code} in a problem document is tried again`, async () => {
    const { supervisor, last, attempts, clock } = superviseFake();
    supervisor.start();
    await last().reject(refusal(code));
    assert.equal(supervisor.state, 'waiting');
    await clock.advance(0);
    assert.equal(attempts.length, 2);
  });
}

test('the same status from something else than a bastion is tried again', async () => {
  const { supervisor, last, attempts, clock } = superviseFake();
  supervisor.start();
  await last().reject(stray(403));
  await clock.advance(0);
  await last().reject(nobodyThere());
  await clock.advance(30_000);
  await last().reject(new Error('a bug'));
  assert.equal(supervisor.state, 'waiting');
  assert.equal(attempts.length, 3);
});

test('once registered, no refusal ends the agent', async () => {
  const { supervisor, last, clock } = superviseFake();
  supervisor.start();
  const session = await last().accept();
  await session.lose();
  for (const code of ['credential-expired', 'name-taken', 'credential-invalid'] as const) {
    await clock.advance(30_000);
    await last().reject(refusal(code));
    assert.equal(supervisor.state, 'waiting');
  }
});

test('an ended agent dials no more, and what still answers is dropped', async () => {
  const { supervisor, last, attempts, clock } = superviseFake();
  supervisor.start();
  await supervisor.close();
  assert.ok(last().signal.aborted);
  const late = await last().accept();
  assert.ok(late.destroyed);
  await clock.advance(100_000);
  assert.equal(attempts.length, 1);
  assert.equal(clock.pending, 0);
  assert.equal((await supervisor.closed).code, 'session-closed');
});

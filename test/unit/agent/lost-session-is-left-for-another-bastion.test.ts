// Where another bastion would take the agent, a lost session is not waited for as long as it might be.

import assert from 'node:assert/strict';
import test from 'node:test';

import { Resumer } from '../../../agent/resume.ts';
import { PosternError } from '../../../shared/errors.ts';
import { WebSocketLink } from '../../../shared/link/websocket-link.ts';
import { fakeCarriers } from '../../support/fake-carrier.ts';
import { FakeClock, settled } from '../../support/fake-clock.ts';
import { LinkRecorder } from '../../support/link-recorder.ts';
import { nobodyThere, stray } from '../../support/supervision.ts';

/** A link that waits for up to a minute, whose every attempt to be resumed fails with `error`. */
function lostLink(error: Error, patienceMs?: number) {
  const clock = new FakeClock();
  const { agent: webSocket } = fakeCarriers();
  const link: WebSocketLink = new WebSocketLink(webSocket.carrier, {
    graceMs: 60_000,
    clock,
    onLost: (reason) => resumer.lost(reason),
  });
  const recorder = new LinkRecorder(link);
  const resumer = new Resumer({
    link,
    acceptance: { session: '0'.repeat(32), resumeKey: 'k'.repeat(43) },
    dial: async () => {
      throw error;
    },
    clock,
    random: () => 0.5,
    events: { paused: () => {}, resumed: () => {} },
    ...(patienceMs === undefined ? {} : { patienceMs }),
  });
  link.lose(new PosternError('link-dead'));
  return { clock, link, recorder };
}

test('its own patience ends before the grace does', async () => {
  const { clock, link, recorder } = lostLink(stray(502), 10_000);
  await clock.advance(9_999);
  assert.ok(link.waiting);
  await clock.advance(1);
  assert.deepEqual(
    recorder.closes.map(({ code }) => code),
    ['link-dead'],
  );
});

test('where nobody listens, the session is gone at once', async () => {
  const { recorder } = lostLink(nobodyThere(), 10_000);
  await settled();
  assert.equal(recorder.closes.length, 1);
});

test('with one bastion it waits as long as the link does', async () => {
  const { clock, link, recorder } = lostLink(nobodyThere());
  await clock.advance(59_999);
  assert.ok(link.waiting);
  await clock.advance(1);
  assert.equal(recorder.closes.length, 1);
});

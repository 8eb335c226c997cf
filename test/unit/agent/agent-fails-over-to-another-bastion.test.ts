// Several bastions: one after the other, the one that works kept, and what their refusals mean together.

import assert from 'node:assert/strict';
import test from 'node:test';

import { failover } from '../../../agent/failover.ts';
import { judge } from '../../../agent/judge.ts';
import type { Farewell, Registered } from '../../../agent/supervise.ts';
import { PosternError } from '../../../shared/errors.ts';
import type { DialError } from '../../../shared/link/dial.ts';
import { FakeClock, settled } from '../../support/fake-clock.ts';
import { FakeSession, nobodyThere, refusal, stray } from '../../support/supervision.ts';

const REGISTERED = { session: { closed: Promise.resolve() } } as unknown as Registered;
type Answer = Registered | Error;

/** `answers[i]` is what bastion i says from now on; `asked` is who was asked. */
function several(...answers: Answer[]) {
  const clock = new FakeClock();
  const asked: number[] = [];
  const failed: string[] = [];
  const made: string[] = [];
  const farewells: ((farewell: Farewell) => void)[] = [];
  const dialOf = failover({
    clock,
    dials: answers.map((_, index) => (slot) => {
      made.push(`${index} for ${slot}`);
      return async (_signal, onGoAway) => {
        asked.push(index);
        const answer = answers[index] as Answer;
        if (answer instanceof Error) throw answer;
        farewells.push(onGoAway);
        return answer;
      };
    }),
    failed: (index, error) => failed.push(`${index} ${error.code}`),
  });
  const dial = dialOf(0);
  const round = async (slot = 0): Promise<{ asked: number[]; error: DialError | undefined }> => {
    asked.length = 0;
    const error = await (slot === 0 ? dial : dialOf(slot))(new AbortController().signal, () => {}).then(
      () => undefined,
      (cause: unknown) => cause as DialError,
    );
    return { asked: [...asked], error };
  };
  return { answers, clock, failed, farewells, made, dial, round };
}

test('the next bastion is asked at once, and the one that works is kept', async () => {
  const { answers, failed, round } = several(nobodyThere(), stray(502), REGISTERED);
  assert.deepEqual(await round(), { asked: [0, 1, 2], error: undefined });
  assert.deepEqual(failed, ['0 bastion-unreachable', '1 bastion-unreachable']);
  answers[0] = REGISTERED;
  assert.deepEqual((await round()).asked, [2]);
  answers[2] = nobodyThere();
  assert.deepEqual((await round()).asked, [2, 0]);
  assert.deepEqual((await round()).asked, [0]);
});

test('a round without success is one failure, and somebody who may be back soon is asked again soon', async () => {
  const { error } = await several(stray(502), nobodyThere()).round();
  assert.equal(error?.code, 'bastion-unreachable');
  assert.deepEqual(judge(error), { final: false, replaced: false, refused: true, retryAfterMs: 0 });
});

test('a refusal is final when every bastion that answers says so', async () => {
  const final = await several(refusal('credential-expired'), nobodyThere()).round();
  assert.equal(final.error?.code, 'credential-expired');
  assert.equal(judge(final.error).final, true);
  const notAll = await several(refusal('name-taken'), refusal('handshake-limit')).round();
  assert.equal(notAll.error?.code, 'handshake-limit');
  assert.equal(judge(notAll.error).final, false);
  const strays = await several(stray(403), stray(401)).round();
  assert.equal(judge(strays.error).final, false);
});

test('a newer agent is not chased from bastion to bastion, nor is a file of our own a reason to ask another', async () => {
  const replaced = await several(refusal('replaced'), REGISTERED).round();
  assert.deepEqual(replaced.asked, [0]);
  assert.equal(judge(replaced.error).replaced, true);
  const file = await several(new PosternError('options-invalid', 'token'), REGISTERED).round();
  assert.deepEqual([file.asked, file.error?.code], [[0], 'options-invalid']);
});

test('a bastion that asked for time is left alone, and its time does not hold up the others', async () => {
  const { clock, round } = several(refusal('handshake-limit', 60_000), stray(503, 5_000));
  assert.equal((await round()).error?.retryAfterMs, 5_000);
  await clock.advance(5_000);
  assert.deepEqual((await round()).asked, [1]);
  await clock.advance(55_000);
  assert.deepEqual((await round()).asked, [0, 1]);
  // Asked before anybody's time has come: whoever is due first.
  assert.deepEqual((await round()).asked, [1]);
});

test('the end of it all is passed on as it is', async () => {
  const { dial, answers } = several(stray(502), REGISTERED);
  const abort = new AbortController();
  const reason = new PosternError('session-closed');
  answers[0] = reason;
  abort.abort(reason);
  await assert.rejects(
    dial(abort.signal, () => {}),
    reason,
  );
});

test('all links of an agent go where the newest session is, until that bastion says GOAWAY or the session ends', async () => {
  const session = new FakeSession();
  const registered = { session } as unknown as Registered;
  const { answers, farewells, round, clock } = several(nobodyThere(), registered);
  assert.deepEqual((await round(0)).asked, [0, 1]);
  answers[0] = registered;
  answers[1] = refusal('handshake-limit', 5_000);
  // Not at the other one, where the tunnel is not; and the time that it asks for is kept.
  const { asked, error } = await round(1);
  assert.deepEqual([asked, error?.retryAfterMs], [[1], 5_000]);
  answers[1] = registered;
  assert.deepEqual((await round(1)).asked, [1]);
  farewells[0]?.({ code: 'draining', reconnectAfterMs: 0 });
  assert.deepEqual((await round(2)).asked, [1]);
  for (const sayFarewell of farewells) sayFarewell({ code: 'draining', reconnectAfterMs: 0 });
  await clock.advance(5_000);
  answers[1] = nobodyThere();
  assert.deepEqual((await round(0)).asked, [1, 0]);
  await session.lose();
  await settled();
  answers[1] = registered;
  assert.deepEqual((await round(0)).asked, [0]);
});

test("a link's dial to each bastion is made once, since it remembers", async () => {
  const { made, round } = several(nobodyThere(), nobodyThere());
  for (let count = 0; count < 3; count++) await round(0);
  assert.deepEqual(made, ['0 for 0', '1 for 0']);
});

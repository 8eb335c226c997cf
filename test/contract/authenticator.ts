// The contract suite of the seam "who is asking": what every authenticator must keep.

import assert from 'node:assert/strict';
import test from 'node:test';

import type { Authenticator, Use } from '../../bastion/auth/authenticator.ts';

export interface AuthenticatorWorld {
  readonly authenticator: Authenticator;
  /** A proof that holds for this use, by owner `alice` for names `alice-*`. */
  valid(use: Use): Promise<string>;
  /** A proof that held once. */
  expired(use: Use): Promise<string>;
  /** Proofs of this kind that never held. */
  broken(use: Use): Promise<readonly string[]>;
  /** Proofs of other kinds. */
  readonly foreign: readonly string[];
}

/** Runs the suite for one implementation. */
export function authenticatorContract(label: string, open: () => Promise<AuthenticatorWorld>): void {
  const uses: readonly Use[] = ['agent', 'visitor'];

  test(`${label}: a proof becomes the identity it stands for`, async () => {
    const world = await open();
    for (const use of uses) {
      const identity = await world.authenticator.authenticate(await world.valid(use), use);
      assert.equal(identity?.owner, 'alice');
      assert.deepEqual(identity.names, ['alice-*']);
      assert.ok(identity.expiresAt > Date.now());
      assert.notEqual(identity.id, '');
    }
  });

  test(`${label}: a proof for one use holds for no other`, async () => {
    const world = await open();
    const agent = await world.valid('agent');
    const visitor = await world.valid('visitor');
    await assert.rejects(world.authenticator.authenticate(agent, 'visitor'), { code: 'credential-invalid' });
    await assert.rejects(world.authenticator.authenticate(visitor, 'agent'), { code: 'credential-invalid' });
  });

  test(`${label}: an expired proof is refused as expired`, async () => {
    const world = await open();
    for (const use of uses)
      await assert.rejects(world.authenticator.authenticate(await world.expired(use), use), {
        code: 'credential-expired',
      });
  });

  test(`${label}: a broken proof of its kind is refused, and the refusal does not repeat it`, async () => {
    const world = await open();
    for (const credential of await world.broken('agent'))
      await assert.rejects(world.authenticator.authenticate(credential, 'agent'), (error: Error & { code: string }) => {
        assert.equal(error.code, 'credential-invalid');
        assert.ok(!error.message.includes(credential));
        return true;
      });
  });

  test(`${label}: a proof of another kind is left to others`, async () => {
    const world = await open();
    for (const credential of world.foreign)
      assert.equal(await world.authenticator.authenticate(credential, 'agent'), undefined);
  });

  test(`${label}: concurrent calls do not disturb each other`, async () => {
    const world = await open();
    const [valid, expired] = [await world.valid('agent'), await world.expired('agent')];
    const calls = Array.from({ length: 20 }, (_, i) =>
      world.authenticator.authenticate(i % 2 === 0 ? valid : expired, 'agent').then(
        (identity) => identity?.owner,
        (error: { code: string }) => error.code,
      ),
    );
    const answers = await Promise.all(calls);
    assert.deepEqual(
      answers,
      answers.map((_, i) => (i % 2 === 0 ? 'alice' : 'credential-expired')),
    );
  });
}

// Registering with TLS end to end, or with services that nobody in between can read: what the bastion agrees to.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';

import { createAuthority } from '../../../certs/authority.ts';
import { issueLeaf } from '../../../certs/leaf.ts';
import { PosternError } from '../../../shared/errors.ts';
import type { DialError } from '../../../shared/link/dial.ts';
import { END_TO_END_FEATURE, type Registration } from '../../../shared/wire/handshake.ts';
import { DOMAIN, bastionWorld, type BastionWorld } from '../../support/bastion-world.ts';

/** A bastion whose certificate is from files, and the CA that issued it. */
async function filesWorld(t: TestContext): Promise<BastionWorld> {
  const folder = mkdtempSync(join(tmpdir(), 'postern-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const authority = createAuthority({ domain: DOMAIN, now: Date.now() });
  const leaf = issueLeaf(authority, { now: Date.now() });
  const tls = { certificate: join(folder, 'cert.pem'), key: join(folder, 'key.pem') };
  writeFileSync(tls.certificate, leaf.certificate + authority.certificate);
  writeFileSync(tls.key, leaf.key, { mode: 0o600 });
  return bastionWorld(t, { tls });
}

async function refusal(world: BastionWorld, change: Partial<Registration>): Promise<string> {
  return world.agent(await world.token(), change).then(
    ({ session }) => {
      session.destroy(new PosternError('session-closed'));
      return 'accepted';
    },
    (error: DialError) => `${error.status} ${error.code}`,
  );
}

const dask = { name: 'dask', kind: 'tcp' } as const;

test('the bastion says that it passes TLS through', async (t) => {
  const world = await bastionWorld(t);
  const { acceptance } = await world.agent(await world.token(), {
    tls: { certificate: 'own', visitors: 'certified' },
  });
  assert.ok(acceptance.features.includes(END_TO_END_FEATURE));
});

test('whoever asks for what the bastion cannot enforce is refused', async (t) => {
  const world = await bastionWorld(t);
  const own = { certificate: 'own', visitors: 'all' } as const;
  const policy = { kind: 'signed-in', people: [], groups: [] } as const;
  const certified = { ...own, visitors: 'certified' } as const;
  assert.equal(await refusal(world, { tls: certified, policy }), '403 end-to-end-policy');
  assert.equal(await refusal(world, { tls: own }), '403 end-to-end-policy');
  assert.equal(await refusal(world, { tls: own, access: 'public' }), 'accepted');
  assert.equal(await refusal(world, { services: [dask] }), '403 end-to-end-policy');
  assert.equal(await refusal(world, { services: [{ ...dask, access: 'public' }] }), 'accepted');
  assert.equal(await refusal(world, { services: [dask], access: 'public' }), 'accepted');
  assert.equal(
    await refusal(world, { services: [dask], tls: { certificate: 'own', visitors: 'certified' } }),
    '403 end-to-end-policy',
  );
});

test('a bastion with certificates from files issues none, and takes agents that have their own', async (t) => {
  const world = await filesWorld(t);
  const visitors = 'certified';
  assert.equal(await refusal(world, { tls: { certificate: 'issued', visitors } }), '403 end-to-end-unavailable');
  assert.equal(await refusal(world, { tls: { certificate: 'own', visitors } }), 'accepted');
});

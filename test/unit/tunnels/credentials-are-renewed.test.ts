// Renewing a tunnel's credential: the same owner, names still covered, and whatever is wrong leaves everything as it was.

import assert from 'node:assert/strict';
import test from 'node:test';

import type { Authenticator, Identity } from '../../../bastion/auth/authenticator.ts';
import { Renewal } from '../../../bastion/tunnels/renewal.ts';
import { PosternError } from '../../../shared/errors.ts';
import type { ErrorCode } from '../../../shared/errors.ts';
import { settled } from '../../support/fake-clock.ts';

const first: Identity = { owner: 'alice', names: ['alice-*'], expiresAt: 1000, id: 't1' };
const fresh: Identity = { ...first, expiresAt: 2000, id: 't2' };

const PROOFS: Record<string, Identity | PosternError | undefined> = {
  fresh,
  bobs: { ...fresh, owner: 'bob' },
  narrow: { ...fresh, names: ['alice-2'] },
  revoked: { ...fresh, id: 'revoked' },
  bad: new PosternError('credential-invalid'),
  unreachable: new PosternError('issuer-unreachable'),
  foreign: undefined,
};

function world() {
  const judged: (ErrorCode | undefined)[] = [];
  const gate = { open: Promise.resolve(), calls: 0 };
  const tunnel = {
    identity: first,
    names: ['alice-1'],
    leaving: false,
    renew(identity: Identity): void {
      tunnel.identity = identity;
    },
    judged: (code: ErrorCode | undefined) => void judged.push(code),
  };
  const authenticator: Authenticator = {
    async authenticate(credential, use) {
      assert.equal(use, 'agent');
      gate.calls += 1;
      await gate.open;
      const proof = PROOFS[credential];
      if (proof instanceof PosternError) throw proof;
      return proof;
    },
  };
  const standing = (identity: Identity) => (identity.id === 'revoked' ? ('credential-revoked' as const) : undefined);
  return { tunnel, judged, gate, renewal: new Renewal(tunnel, authenticator, standing) };
}

async function offer(what: string) {
  const all = world();
  all.renewal.offered(what);
  for (let i = 0; i < 4; i++) await settled();
  return all;
}

test('a fresh credential of the same owner takes the place of the old one', async () => {
  const { tunnel, judged } = await offer('fresh');
  assert.equal(tunnel.identity, fresh);
  assert.deepEqual(judged, [undefined]);
});

for (const [what, code] of Object.entries({
  bobs: 'credential-invalid',
  narrow: 'name-not-allowed',
  revoked: 'credential-revoked',
  bad: 'credential-invalid',
  unreachable: 'issuer-unreachable',
  foreign: 'credential-invalid',
}))
  test(`a credential that is ${what} is refused with ${code} and changes nothing`, async () => {
    const { tunnel, judged } = await offer(what);
    assert.equal(tunnel.identity, first);
    assert.deepEqual(judged, [code]);
  });

test('of many that come while one is looked at, only the last is looked at and answered', async () => {
  const { tunnel, judged, gate, renewal } = world();
  const opened = Promise.withResolvers<void>();
  gate.open = opened.promise;
  for (const what of ['bad', 'bobs', 'narrow', 'fresh']) renewal.offered(what);
  opened.resolve();
  for (let i = 0; i < 8; i++) await settled();
  assert.deepEqual([gate.calls, judged, tunnel.identity], [2, [undefined], fresh]);
});

test('a tunnel that is leaving is renewed no more', async () => {
  const { tunnel, judged, renewal } = world();
  tunnel.leaving = true;
  renewal.offered('fresh');
  for (let i = 0; i < 4; i++) await settled();
  assert.deepEqual([tunnel.identity, judged], [first, []]);
});

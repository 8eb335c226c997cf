// Revocations: by id and by owner, heard of by other processes, and asked at every request that a known token makes.

import assert from 'node:assert/strict';
import test from 'node:test';

import type { AuditEvent } from '../../../bastion/audit.ts';
import { Attempts } from '../../../bastion/auth/attempts.ts';
import type { Identity } from '../../../bastion/auth/authenticator.ts';
import { Gate } from '../../../bastion/auth/gate.ts';
import { Revocations, refusingRevoked } from '../../../bastion/auth/revocations.ts';
import { TokenBook } from '../../../bastion/auth/token-book.ts';
import type { SignToken } from '../../../bastion/auth/token-book.ts';
import { VisitorSessions } from '../../../bastion/auth/visitor-session.ts';
import { openSqliteStore } from '../../../bastion/store/sqlite.ts';
import { PosternError } from '../../../shared/errors.ts';
import { PRIVATE } from '../../../shared/wire/access.ts';
import { accessBook } from '../../support/access-book.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const START = 1_800_000_000_000;
const identity: Identity = {
  owner: 'alice',
  names: ['*'],
  id: 't1',
  issuedAt: START - 5000,
  expiresAt: START + 60_000,
};

function world() {
  const clock = new FakeClock();
  const store = openSqliteStore(':memory:', clock);
  const now = (): number => START + clock.now();
  return { clock, store, now, revocations: new Revocations(store, now) };
}

test('a proof holds until its time is up or it is taken back', async () => {
  const { clock, revocations } = world();
  assert.equal(revocations.standing(identity), undefined);
  revocations.revoke('t1');
  assert.equal(revocations.standing(identity), 'credential-revoked');
  assert.equal(revocations.standing({ ...identity, id: 't2' }), undefined);
  await clock.advance(60_000);
  assert.equal(revocations.standing({ ...identity, id: 't2' }), 'credential-expired');
});

test('what an owner was given until now can be taken back, and what they get afterwards is good', async () => {
  const { clock, revocations } = world();
  revocations.revokeOwner('alice');
  assert.equal(revocations.standing(identity), 'credential-revoked');
  assert.equal(revocations.standing({ ...identity, owner: 'bob' }), undefined);
  const { issuedAt, ...undated } = identity;
  assert.equal(revocations.standing(undated), 'credential-revoked', `no better than ${issuedAt}`);
  await clock.advance(1000);
  assert.equal(revocations.standing({ ...identity, issuedAt: START + 1000 }), undefined);
  assert.equal(revocations.standing({ ...identity, owner: 'owner:alice', id: 'alice' }), undefined);
});

test('a revocation is heard of, and a new process knows it', async () => {
  const { clock, store, now, revocations } = world();
  let heard = 0;
  revocations.watch(() => (heard += 1));
  new Revocations(store, now).revoke('t1');
  await clock.advance(250);
  assert.equal(heard, 1);
  assert.equal(revocations.standing(identity), 'credential-revoked');
  assert.equal(new Revocations(store, now).standing(identity), 'credential-revoked');
});

test('the book knows which tokens it gave out, and takes back no others unless it is told to', async () => {
  const { store, now, revocations } = world();
  let made = 0;
  const sign: SignToken = async ({ ttlMs }) => {
    made += 1;
    return { token: `secret-${made}`, id: `t${made}`, created: now(), expires: now() + ttlMs };
  };
  const told: AuditEvent[] = [];
  const book = new TokenBook({ store, revocations, sign, audit: { record: (event) => void told.push(event) } });
  const request = { owner: 'alice', names: ['alice-*'], use: 'agent', ttlMs: 60_000 } as const;
  await book.create(request, 'command line');
  await book.create({ ...request, owner: 'bob' }, 't1');
  assert.deepEqual(
    book.list().map(({ id, owner, by, revoked }) => [id, owner, by, revoked]),
    [
      ['t1', 'alice', 'command line', false],
      ['t2', 'bob', 't1', false],
    ],
  );
  assert.ok(!JSON.stringify(store.tokens.all()).includes('secret-'));
  book.revoke('t1', 'x');
  assert.deepEqual(
    book.list('alice').map(({ revoked }) => revoked),
    [true],
  );
  assert.throws(() => book.revoke('t9', 'x'), { code: 'token-unknown' });
  book.revokeAny('t9', 'x');
  assert.equal(revocations.standing({ ...identity, id: 't9' }), 'credential-revoked');
  book.revokeOwner('bob', 'x');
  assert.equal(book.list('bob')[0]?.revoked, true);
  assert.deepEqual(
    told.map(({ event }) => event),
    ['token-made', 'token-made', 'token-revoked', 'token-revoked', 'owner-revoked'],
  );
  assert.ok(!JSON.stringify(told).includes('secret-'));
});

test('a token that the gate has let in before is refused from the moment that it is taken back', async () => {
  const { revocations, now } = world();
  const authenticator = refusingRevoked({ authenticate: async () => identity }, revocations.standing);
  const key = { id: '1700000000000-00000000', secret: Buffer.alloc(32, 7) };
  const sessions = new VisitorSessions({ keys: { current: () => key, find: () => key }, ttlMs: 60_000, now });
  const attempts = new Attempts({ burst: 3, refillMs: 1000, remember: 100 });
  const gate = new Gate({
    authenticator,
    sessions,
    attempts,
    access: accessBook(),
    standing: revocations.standing,
    now,
  });
  const tunnel = { identity: { owner: 'alice' }, policy: PRIVATE, spendLink: () => false } as const;
  const headers = { authorization: 'Bearer a-token' };
  const approach = { name: 'demo', label: 'demo', method: 'GET', headers, upgrade: false, address: '192.0.2.1' };
  const admission = await gate.admit(approach, tunnel);
  assert.equal(admission.recheck?.(), undefined);
  assert.ok(!(gate.admit(approach, tunnel) instanceof Promise), 'known');
  revocations.revoke('t1');
  assert.ok(admission.recheck?.() instanceof PosternError);
  assert.equal(admission.recheck?.()?.code, 'credential-revoked');
  await assert.rejects(async () => gate.admit(approach, tunnel), { code: 'credential-revoked' });
});

// Whom the gate let in and whom not is accounted for: once in a while for each visitor, and how often in between.

import assert from 'node:assert/strict';
import test from 'node:test';

import type { AuditEvent } from '../../../bastion/audit.ts';
import { auditedGate } from '../../../bastion/auth/audited-gate.ts';
import type { Admitting } from '../../../bastion/auth/audited-gate.ts';
import { PosternError } from '../../../shared/errors.ts';

const tunnel = {
  identity: { owner: 'alice' },
  policy: { kind: 'private', people: [], groups: [] },
  spendLink: () => false,
} as const;
const approach = { name: 'demo', label: 'demo', method: 'GET', headers: {}, upgrade: false, address: '192.0.2.1' };
const admission = {
  visitor: 'alice',
  role: 'owner',
  groups: [],
  inject: true,
  dropAuthorization: true,
  credentialId: 't1',
} as const;

function world(admit: Admitting['admit'], enter: Admitting['enter'] = () => 'cookie') {
  const told: AuditEvent[] = [];
  const time = { now: 1_800_000_000_000 };
  const admitOwner: Admitting['admitOwner'] = async (approaching, guarded) => admit(approaching, guarded);
  const gate = auditedGate({ admit, admitOwner, enter }, { record: (event) => void told.push(event) }, () => time.now);
  return { told, time, gate };
}

test('a visitor is told of once in ten minutes, with how often they came in between', () => {
  const { told, time, gate } = world(() => admission);
  for (let i = 0; i < 5; i++) void gate.admit(approach, tunnel);
  time.now += 600_000;
  void gate.admit(approach, tunnel);
  const visit = {
    event: 'visit',
    name: 'demo',
    owner: 'alice',
    visitor: 'alice',
    credentialId: 't1',
    upgrade: false,
    address: '192.0.2.1',
  };
  assert.deepEqual(told, [visit, { ...visit, repeats: 4 }]);
});

test('another address, name, visitor, credential or a WebSocket is told of by itself', () => {
  let change = {};
  const { told, gate } = world(() => ({ ...admission, ...change }));
  void gate.admit(approach, tunnel);
  void gate.admit({ ...approach, address: '192.0.2.2' }, tunnel);
  void gate.admit({ ...approach, name: 'demo-2' }, tunnel);
  void gate.admit({ ...approach, upgrade: true }, tunnel);
  change = { credentialId: 't2' };
  void gate.admit(approach, tunnel);
  change = { visitor: 'public' };
  void gate.admit(approach, tunnel);
  assert.equal(told.length, 6);
});

test('who is refused is told of with the reason, at once or later, and still refused', async () => {
  const sync = world(() => {
    throw new PosternError('sign-in-needed');
  });
  assert.throws(() => sync.gate.admit(approach, tunnel), { code: 'sign-in-needed' });
  assert.throws(() => sync.gate.admit(approach, tunnel), { code: 'sign-in-needed' });
  assert.deepEqual(sync.told, [
    {
      event: 'visit-refused',
      name: 'demo',
      owner: 'alice',
      upgrade: false,
      address: '192.0.2.1',
      code: 'sign-in-needed',
    },
  ]);
  const later = world(async () => {
    throw new PosternError('credential-revoked');
  });
  await assert.rejects(async () => later.gate.admit(approach, tunnel), { code: 'credential-revoked' });
  assert.equal(later.told.length, 1);
});

test('strangers of one network cannot fill the log from ever new addresses', () => {
  const { told, gate } = world(() => {
    throw new PosternError('sign-in-needed');
  });
  for (let i = 0; i < 50; i++)
    assert.throws(() => gate.admit({ ...approach, address: `2001:db8::${i.toString(16)}` }, tunnel));
  assert.equal(told.length, 1);
});

test('who has to leave is told of once', () => {
  const right: { over?: PosternError } = {};
  const { told, gate } = world(() => ({ ...admission, recheck: () => right.over }));
  const admitted = gate.admit(approach, tunnel);
  assert.ok(!(admitted instanceof Promise));
  assert.equal(admitted.recheck?.(), undefined);
  right.over = new PosternError('credential-revoked');
  assert.equal(admitted.recheck?.(), right.over);
  assert.equal(admitted.recheck?.(), right.over);
  assert.deepEqual(
    told.map(({ event }) => event),
    ['visit', 'visit-ended'],
  );
});

test('each link that was used is told of, and each that was wrong, until there are too many', () => {
  let code: 'link-spent' | 'visitor-limit' | undefined;
  const { told, gate } = world(
    () => admission,
    () => {
      if (code !== undefined) throw new PosternError(code);
      return 'cookie';
    },
  );
  assert.equal(gate.enter('secret', approach, tunnel, '192.0.2.1'), 'cookie');
  code = 'link-spent';
  assert.throws(() => gate.enter('secret', approach, tunnel, '192.0.2.1'), { code });
  code = 'visitor-limit';
  assert.throws(() => gate.enter('secret', approach, tunnel, '192.0.2.1'), { code });
  assert.deepEqual(
    told.map(({ event }) => event),
    ['link-used', 'link-refused'],
  );
  assert.ok(!JSON.stringify(told).includes('secret'));
});

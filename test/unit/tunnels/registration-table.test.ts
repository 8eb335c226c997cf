// Each rule of registering, one row of the decision table at a time.

import assert from 'node:assert/strict';
import test from 'node:test';

import { decide } from '../../../bastion/tunnels/registration.ts';
import type { Arrival, HeldTunnel, RegistrationState, Reservation } from '../../../bastion/tunnels/registration.ts';

const arrival: Arrival = {
  owner: 'alice',
  allowed: ['alice-*', 'demo'],
  instance: 'i1',
  slot: 0,
  names: ['demo'],
  services: 1,
};

function held(change: Partial<HeldTunnel> = {}): HeldTunnel {
  const links = [{ slot: 0, leaving: false }];
  return { owner: 'alice', instance: 'i1', names: ['demo'], links, leaving: false, ...change };
}

function outcome(
  tunnels: HeldTunnel[],
  change: Partial<Arrival> = {},
  more: {
    draining?: true;
    replaced?: string;
    reserved?: Record<string, Reservation>;
    room?: number;
    limits?: Partial<RegistrationState['limits']>;
    held?: { serving: number; leaving: number };
  } = {},
) {
  const state = {
    draining: more.draining === true,
    tunnels,
    replaced: (instance: string) => instance === more.replaced,
    reservation: (name: string) => more.reserved?.[name],
    room: () => more.room ?? 9,
    limits: { links: 4, names: 4, tunnels: 4, ...more.limits },
    held: () => more.held ?? { serving: 0, leaving: 0 },
  };
  const decision = decide(state, { ...arrival, ...change });
  if (decision.answer === 'refuse') return decision.code;
  return {
    join: decision.join === undefined ? -1 : tunnels.indexOf(decision.join),
    drop: decision.drop === undefined ? -1 : (decision.join?.links.indexOf(decision.drop) ?? -1),
    retire: decision.retire.map((tunnel) => tunnels.indexOf(tunnel)),
  };
}

const fresh = { join: -1, drop: -1, retire: [] };

test('a name that nobody has is given, in a tunnel of its own', () => {
  assert.deepEqual(outcome([]), fresh);
});

test('a bastion about to stop takes nobody', () => {
  assert.equal(outcome([], {}, { draining: true }), 'draining');
});

test('a name of another owner is taken', () => {
  assert.equal(outcome([held({ owner: 'bob', instance: 'i9' })]), 'name-taken');
  assert.equal(outcome([held({ owner: 'bob', instance: 'i1' })]), 'name-taken');
  assert.equal(outcome([held({ owner: 'bob', instance: 'i9', links: [{ slot: 0, leaving: true }] })]), 'name-taken');
});

test('another owner that is leaving as a whole has no names any more', () => {
  assert.deepEqual(outcome([held({ owner: 'bob', instance: 'i9', leaving: true })]), fresh);
});

test('the same agent and slot replaces its old link at once', () => {
  assert.deepEqual(outcome([held()]), { join: 0, drop: 0, retire: [] });
});

test('the same agent and slot lives beside its old link once that has been told GOAWAY', () => {
  assert.deepEqual(outcome([held({ links: [{ slot: 0, leaving: true }] })]), { join: 0, drop: -1, retire: [] });
});

test('of two links in the slot only the one that is not leaving is replaced', () => {
  const links = [
    { slot: 0, leaving: true },
    { slot: 1, leaving: false },
    { slot: 0, leaving: false },
  ];
  assert.deepEqual(outcome([held({ links })]), { join: 0, drop: 2, retire: [] });
});

test('the same agent with another slot is added', () => {
  assert.deepEqual(outcome([held()], { slot: 1 }), { join: 0, drop: -1, retire: [] });
});

test('another agent of the same owner wins, and the old one is retired', () => {
  assert.deepEqual(outcome([held()], { instance: 'i2' }), { join: -1, drop: -1, retire: [0] });
});

test('every agent of the owner that holds one of the names is retired, and no other', () => {
  const tunnels = [
    held({ instance: 'i2', names: ['alice-1', 'alice-2'] }),
    held({ instance: 'i3', names: ['demo'] }),
    held({ instance: 'i4', names: ['alice-3'] }),
  ];
  assert.deepEqual(outcome(tunnels, { names: ['demo', 'alice-2'] }), { join: -1, drop: -1, retire: [0, 1] });
});

test('an agent whose place was taken stays out as long as the newer one is there', () => {
  assert.equal(outcome([held({ instance: 'i2' })], {}, { replaced: 'i1' }), 'replaced');
  assert.deepEqual(outcome([], {}, { replaced: 'i1' }), fresh);
});

test('the links of one agent serve the same names, in whatever order', () => {
  const tunnels = [held({ names: ['demo', 'alice-1'] })];
  assert.equal(outcome(tunnels), 'registration-malformed');
  assert.equal(outcome(tunnels, { names: ['demo', 'alice-2'] }), 'registration-malformed');
  assert.deepEqual(outcome(tunnels, { slot: 1, names: ['alice-1', 'demo'] }), { join: 0, drop: -1, retire: [] });
});

const ALICES: Reservation = { owner: 'alice', held: true };
const GIVEN_UP: Reservation = { owner: 'alice', held: false };

test('a name that belongs to another owner is taken, connected or not, and also once it was given up', () => {
  for (const current of [true, false])
    assert.equal(
      outcome([], { names: ['alice-1', 'demo'] }, { reserved: { demo: { owner: 'bob', held: current } } }),
      'name-taken',
    );
});

test('a name of the same owner is given, also once it was given up or freed', () => {
  for (const demo of [ALICES, GIVEN_UP, { owner: undefined, held: false }])
    assert.deepEqual(outcome([], {}, { reserved: { demo } }), fresh);
});

test('new names, and those that were given up, need room; names that are held need none', () => {
  const names = ['demo', 'alice-1'];
  assert.equal(outcome([], { names }, { room: 1 }), 'name-limit');
  assert.deepEqual(outcome([], { names }, { room: 2 }), fresh);
  assert.deepEqual(outcome([], { names }, { room: 1, reserved: { demo: ALICES } }), fresh);
  assert.equal(outcome([], { names }, { room: 1, reserved: { demo: GIVEN_UP } }), 'name-limit');
  assert.deepEqual(outcome([], { names }, { room: -5, reserved: { demo: ALICES, 'alice-1': ALICES } }), fresh);
});

test('a tunnel has so many links, those that are leaving included; replacing one adds none', () => {
  const links = [0, 1, 1, 2].map((slot, index) => ({ slot, leaving: index === 1 }));
  const tunnels = [held({ links })];
  assert.equal(outcome(tunnels, { slot: 3 }), 'link-limit');
  assert.deepEqual(outcome(tunnels, { slot: 1 }), { join: 0, drop: 2, retire: [] });
  assert.deepEqual(outcome(tunnels, { slot: 3 }, { limits: { links: 5 } }), { join: 0, drop: -1, retire: [] });
});

test('an owner has so many tunnels: another link of one, or a newer agent in the place of one, is not one more', () => {
  const full = { held: { serving: 4, leaving: 0 } };
  assert.equal(outcome([], {}, full), 'tunnel-limit');
  assert.deepEqual(outcome([held()], { slot: 1 }, full), { join: 0, drop: -1, retire: [] });
  assert.deepEqual(outcome([held()], { instance: 'i2' }, full), { join: -1, drop: -1, retire: [0] });
  assert.deepEqual(outcome([], {}, { held: { serving: 3, leaving: 4 } }), fresh);
  // Replacing again and again does not pile up what is ending.
  assert.equal(outcome([held()], { instance: 'i2' }, { held: { serving: 4, leaving: 4 } }), 'tunnel-limit');
  const one = { limits: { tunnels: 1 }, held: { serving: 1, leaving: 0 } };
  assert.deepEqual(outcome([held()], { instance: 'i2' }, one), { join: -1, drop: -1, retire: [0] });
});

test('a tunnel has so many names', () => {
  const names = ['demo', 'alice-1', 'alice-2'];
  assert.deepEqual(outcome([], { names }, { limits: { names: 3 } }), fresh);
  assert.equal(outcome([], { names }, { limits: { names: 2 } }), 'registration-malformed');
});

test('a credential may allow fewer tunnels and services than the bastion does', () => {
  const own = { tunnels: 0, services: 2 };
  assert.equal(outcome([], { own: { services: 2 }, services: 3 }), 'service-limit');
  assert.deepEqual(outcome([], { own: { services: 2 }, services: 2 }), fresh);
  assert.equal(outcome([], { own }), 'tunnel-limit');
  assert.deepEqual(outcome([held()], { own }), { join: 0, drop: 0, retire: [] }, 'one more link is no more tunnel');
});

const NAMES: readonly [readonly string[], string][] = [
  [[], 'registration-malformed'],
  [['demo', 'demo'], 'registration-malformed'],
  [['bob'], 'name-not-allowed'],
  [['demo', 'alice'], 'name-not-allowed'],
  [['alice-'], 'name-invalid'],
  [['-alice'], 'name-invalid'],
  [['alice--1'], 'name-invalid'],
  [['Alice-1'], 'name-invalid'],
  [['alice-1.x'], 'name-invalid'],
  [['alice-ü'], 'name-invalid'],
  [['xn--bcher-kva'], 'name-invalid'],
  [[`alice-${'x'.repeat(44)}`], 'name-invalid'],
  [['www'], 'name-invalid'],
  [['admin'], 'name-invalid'],
  [['postern'], 'name-invalid'],
];

for (const [names, code] of NAMES)
  test(`the names [${names.join(', ')}] are refused as ${code}`, () => {
    assert.equal(outcome([], { names, allowed: names[0] === 'www' ? ['*'] : arrival.allowed }), code);
  });

test('a name of 49 characters is the longest', () => {
  assert.deepEqual(outcome([], { names: [`alice-${'x'.repeat(43)}`] }), fresh);
});

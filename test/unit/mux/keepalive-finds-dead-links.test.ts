// Keepalive: who is silent is asked, who stays silent is dead; whoever makes itself heard lives; suspended hosts get their time.

import assert from 'node:assert/strict';
import test from 'node:test';

import { Keepalive } from '../../../shared/mux/keepalive.ts';
import { FakeClock } from '../../support/fake-clock.ts';

interface Patient {
  heard: number;
  waiting: boolean;
  roundTripMs: number;
  readonly clock: FakeClock;
  readonly keepalive: Keepalive;
  /** Milliseconds at which it pinged, and at which it was declared dead. */
  readonly pings: number[];
  readonly deaths: number[];
}

function patient(impatient: boolean, random = 0.5): Patient {
  const clock = new FakeClock();
  const pings: number[] = [];
  const deaths: number[] = [];
  const state = { heard: 0, waiting: false, roundTripMs: 50 };
  const pulse = {
    heard: () => state.heard,
    waiting: () => state.waiting,
    roundTripMs: () => state.roundTripMs,
    ping: () => void pings.push(clock.now()),
    dead: () => void deaths.push(clock.now()),
  };
  const keepalive = new Keepalive(pulse, clock, { impatient, random });
  return Object.assign(state, { clock, keepalive, pings, deaths });
}

for (const impatient of [true, false])
  for (const random of [0, 0.999]) {
    const who = `${impatient ? 'the agent' : 'the bastion'}, at pace ${random}`;

    test(`${who}: asks after 10 s of silence, gives up within 30 s`, async () => {
      const it = patient(impatient, random);
      await it.clock.advance(60_000);
      assert.ok(it.pings[0]! >= 10_000 && it.pings[0]! < 14_000, `${it.pings[0]} ms`);
      assert.ok(it.deaths[0]! >= 25_000 && it.deaths[0]! < 30_000, `${it.deaths[0]} ms`);
    });

    test(`${who}: any byte is life`, async () => {
      const it = patient(impatient, random);
      it.waiting = true;
      for (let second = 0; second < 120; second++) {
        it.heard++;
        await it.clock.advance(1000);
      }
      assert.deepEqual(it.deaths, []);
      assert.deepEqual(it.pings, []);
    });
  }

test('the agent asks after 2 s when something waits, and gives up after 5', async () => {
  const it = patient(true);
  await it.clock.advance(8000);
  it.waiting = true;
  const since = it.clock.now();
  await it.clock.advance(10_000);
  assert.ok(it.pings[0]! - since >= 2000 && it.pings[0]! - since < 3000, `${it.pings[0]! - since} ms`);
  assert.ok(it.deaths[0]! - since >= 5000 && it.deaths[0]! - since < 6500, `${it.deaths[0]! - since} ms`);
});

test('on a long path it waits for eight round trips', async () => {
  const it = patient(true);
  it.waiting = true;
  it.roundTripMs = 1500;
  await it.clock.advance(20_000);
  assert.ok(it.deaths[0]! >= 12_000 && it.deaths[0]! < 13_500, `${it.deaths[0]} ms`);
});

test('the bastion, which cannot dial, does not lose patience', async () => {
  const it = patient(false);
  it.waiting = true;
  await it.clock.advance(24_000);
  assert.deepEqual(it.deaths, []);
});

test('a suspended host counts from waking', async () => {
  const it = patient(true);
  it.waiting = true;
  const { clock } = it;
  // The clock jumps while no timer runs: the next look comes an hour late.
  const late = (clock as unknown as { now(): number }).now();
  clock.now = () => late + 3_600_000;
  await clock.advance(600);
  assert.deepEqual(it.deaths, []);
  assert.deepEqual(it.pings, []);
});

test('a new carrier has its own silence', async () => {
  const it = patient(true);
  await it.clock.advance(20_000);
  it.keepalive.restart();
  await it.clock.advance(24_000);
  assert.deepEqual(it.deaths, []);
  await it.clock.advance(3000);
  assert.equal(it.deaths.length > 0, true);
});

test('stopped, it leaves no timer', async () => {
  const it = patient(false);
  it.keepalive.stop();
  assert.equal(it.clock.pending, 0);
});

test('thousands do not look in step', () => {
  const delays = new Set<number>();
  for (let count = 0; count < 50; count++) {
    const clock = new FakeClock();
    clock.setTimeout = (_callback, ms) => delays.add(ms);
    const pulse = {
      heard: () => 0,
      waiting: () => false,
      roundTripMs: () => 50,
      ping: () => undefined,
      dead: () => undefined,
    };
    // eslint-disable-next-line no-new -- it is its timer that is looked at
    new Keepalive(pulse, clock, { impatient: false, random: count / 50 });
  }
  assert.equal(delays.size, 50);
});

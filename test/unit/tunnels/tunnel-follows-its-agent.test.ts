// A tunnel over in-memory links: streams go where they can, news go both ways, and its credential ends it.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import test from 'node:test';

import { NO_AUDIT } from '../../../bastion/audit.ts';
import { Directory } from '../../../bastion/tunnels/directory.ts';
import { openSqliteStore } from '../../../bastion/store/sqlite.ts';
import { SpentLinks } from '../../../bastion/tunnels/links.ts';
import { Pauses } from '../../../bastion/tunnels/pauses.ts';
import { LiveTunnel } from '../../../bastion/tunnels/tunnel.ts';
import type { TunnelLink } from '../../../bastion/tunnels/tunnel-link.ts';
import { PosternError } from '../../../shared/errors.ts';
import type { ErrorCode } from '../../../shared/errors.ts';
import { Budget } from '../../../shared/mux/budget.ts';
import { Session } from '../../../shared/mux/session.ts';
import { NO_LOG } from '../../../shared/program/log.ts';
import type { Info, Registration } from '../../../shared/wire/handshake.ts';
import { FakeClock, settled } from '../../support/fake-clock.ts';
import { linkPair } from '../../support/link-pair.ts';

const START = 1_800_000_000_000;
const LIMITS = { credit: 65_536, streams: 10, message: 65_536 };
const hash = (secret: string): string => createHash('sha256').update(secret).digest('hex');

const registration: Registration = {
  agent: 'test/0',
  instance: '0'.repeat(32),
  slot: 0,
  names: ['demo'],
  access: 'private',
  services: [{ name: 'web', authorization: 'token secret' }, { name: 'dask' }],
  links: [hash('one')],
  features: [],
  limits: LIMITS,
};

interface Agent {
  readonly session: Session;
  readonly infos: Info[];
  readonly goAways: string[];
  /** As the bastion sees its link. */
  pause(): void;
  resume(): void;
}

const GENEROUS = { streams: 1000, opens: { perSecond: 1000, burst: 1000 } };

function world(expiresInMs = 3_600_000, limits = GENEROUS) {
  const clock = new FakeClock();
  const now = (): number => START + clock.now();
  const directory = new Directory({ now });
  const identity = { owner: 'alice', names: ['*'], expiresAt: START + expiresInMs, id: 'x' };
  const events: string[] = [];
  const standing: { now: ErrorCode | undefined } = { now: undefined };
  const pauses = new Pauses<TunnelLink<LiveTunnel>>({
    clock,
    patienceMs: 10_000,
    onImpatience: () => events.push('impatient'),
  });
  const tunnel: LiveTunnel = new LiveTunnel(
    {
      instance: registration.instance,
      names: registration.names,
      spent: new SpentLinks(openSqliteStore(':memory:')),
      pauses,
      limits,
      budget: new Budget(2 ** 26),
      log: NO_LOG,
      now,
      clock,
      standing: () => standing.now,
      authenticator: { authenticate: async () => undefined },
      audit: NO_AUDIT,
      onEnd: (ended) => {
        directory.remove(ended);
        events.push('ended');
      },
      onExpired: () => events.push('expired'),
      onSessionEnd: (_session, reason) => events.push(reason),
    },
    { identity, registration },
  );
  directory.add(tunnel);
  const join = (slot: number, change: Partial<Registration> = {}): Agent => {
    const pair = linkPair();
    const [infos, goAways]: [Info[], string[]] = [[], []];
    const common = { own: LIMITS, peer: LIMITS, clock };
    const joining = { identity, registration: { ...registration, ...change } };
    let waits = false;
    const link = tunnel.join(slot, joining, {
      start: (listeners) => new Session(pair.bastion, { role: 'bastion', ...common, ...listeners }),
      waiting: () => waits,
    });
    const session = new Session(pair.agent, {
      role: 'agent',
      ...common,
      onInfo: (info) => infos.push(info),
      onGoAway: ({ code }) => goAways.push(code),
      onStream: (stream) => void stream.on('error', () => {}).resume(),
    });
    const pause = (): void => {
      waits = true;
      pauses.lost(link);
    };
    return { session, infos, goAways, pause, resume: () => void (waits = false) };
  };
  return { clock, directory, tunnel, join, events, standing };
}

/** A few turns of the event loop: what is on its way over an in-memory link arrives. */
async function turns(): Promise<void> {
  for (let i = 0; i < 6; i++) await settled();
}

test('it knows its services and the Authorization of each', () => {
  const { tunnel, join } = world();
  join(0);
  assert.equal(tunnel.hasService('web'), true);
  assert.equal(tunnel.hasService('ssh'), false);
  assert.equal(tunnel.authorization('web'), 'token secret');
  assert.equal(tunnel.authorization('dask'), undefined);
});

test('streams go to the link with the fewest, and never to one that is leaving', async () => {
  const { tunnel, join } = world();
  const [first, second] = [join(0), join(1)];
  for (let i = 0; i < 4; i++) tunnel.open('web', '192.0.2.1').on('error', () => {});
  await turns();
  assert.deepEqual([first.session.streams, second.session.streams], [2, 2]);
  second.session.goAway({ code: 'draining', reconnectAfterMs: 0 });
  await turns();
  for (let i = 0; i < 2; i++) tunnel.open('web', '192.0.2.1').on('error', () => {});
  await turns();
  assert.deepEqual([first.session.streams, second.session.streams], [4, 2]);
});

test('a tunnel without a link opens nothing', () => {
  assert.throws(() => world().tunnel.open('web', ''), { code: 'session-closed' });
});

test('each stream asks whether the credential still holds, whatever the timers say', () => {
  const { tunnel, join, standing } = world();
  join(0);
  tunnel.open('web', '').on('error', () => {});
  for (const over of ['credential-revoked', 'credential-expired'] as const) {
    standing.now = over;
    assert.throws(() => tunnel.open('web', ''), { code: 'tunnel-absent' });
  }
});

test('a spent link is news for the agent, and an offer of a spent link is answered with the same news', async () => {
  const { tunnel, join } = world();
  const agent = join(0);
  assert.equal(tunnel.spendLink('wrong', '192.0.2.1'), false);
  assert.equal(tunnel.spendLink('one', '192.0.2.1'), true);
  assert.equal(tunnel.spendLink('one', '192.0.2.1'), false);
  agent.session.sendInfo({ type: 'links', hashes: [hash('one'), hash('two')] });
  await turns();
  const news = { type: 'link-spent', hash: hash('one'), from: '192.0.2.1' };
  assert.deepEqual(agent.infos, [news, news]);
  assert.equal(tunnel.spendLink('one', '192.0.2.1'), false);
  assert.equal(tunnel.spendLink('two', '192.0.2.1'), true);
});

test('readiness is what the agent last said, of services it has', async () => {
  const { tunnel, join } = world();
  const agent = join(0);
  assert.equal(tunnel.readiness('web'), undefined);
  agent.session.sendInfo({ type: 'readiness', service: 'web', ready: true });
  agent.session.sendInfo({ type: 'readiness', service: 'stranger', ready: true });
  await turns();
  assert.deepEqual(tunnel.readiness('web'), { ready: true });
  assert.equal(tunnel.readiness('stranger'), undefined);
  agent.session.sendInfo({ type: 'readiness', service: 'web', ready: false, exit: 3 });
  await turns();
  assert.deepEqual(tunnel.readiness('web'), { ready: false, exit: 3 });
});

test('the newest registration decides on services and access', () => {
  const { tunnel, join } = world();
  join(0);
  join(0, { access: 'public', services: [{ name: 'web', authorization: 'token newer' }] });
  assert.equal(tunnel.policy.kind, 'public');
  assert.equal(tunnel.authorization('web'), 'token newer');
  assert.equal(tunnel.hasService('dask'), false);
});

test('when its credential expires, the owner is asked to take it out; the warning comes before', async () => {
  const { clock, join, events } = world(1_800_000);
  join(0);
  await clock.advance(1_799_000);
  assert.deepEqual(events, []);
  await clock.advance(1_000);
  assert.deepEqual(events, ['expired']);
});

test('a farewell tells every agent, waits for streams, and cuts what is left after the grace', async () => {
  const { clock, directory, tunnel, join, events } = world();
  const [first, second] = [join(0), join(1)];
  const stream = tunnel.open('web', '192.0.2.1');
  const failed = new Promise<PosternError>((resolve) => stream.once('error', resolve));
  await turns();
  const left = tunnel.leave({ code: 'replaced', reconnectAfterMs: 0, graceMs: 1000 });
  await turns();
  assert.deepEqual([first.goAways, second.goAways], [['replaced'], ['replaced']]);
  assert.throws(() => tunnel.open('web', ''), { code: 'draining' });
  await clock.advance(900);
  assert.equal(tunnel.links.length, 1);
  await clock.advance(100);
  await left;
  assert.ok((await failed) instanceof PosternError);
  assert.equal(events.at(-1), 'ended');
  assert.equal(directory.tunnels.size, 0);
});

test('the directory forgets a tunnel with its last link, and remembers when', async () => {
  const { clock, directory, tunnel, join } = world();
  const [first, second] = [join(0), join(1)];
  assert.equal(directory.find('demo'), tunnel);
  first.session.destroy(new PosternError('link-closed'));
  await turns();
  assert.equal(directory.find('demo'), tunnel);
  assert.equal(directory.lastWords('demo'), undefined);
  await clock.advance(5000);
  second.session.destroy(new PosternError('link-closed'));
  await turns();
  assert.equal(directory.find('demo'), undefined);
  assert.equal(directory.lastWords('demo')?.at, START + 5000);
  assert.equal(directory.lastWords('other'), undefined);
});

test('streams go to links that are not lost, and a stream on one that is may move when it has nothing under way', async () => {
  const { tunnel, join } = world();
  const [first, second] = [join(0), join(1)];
  const stream = tunnel.open('web', '').on('error', () => {});
  assert.equal(tunnel.keeps(stream), true);
  first.pause();
  assert.equal(tunnel.paused, false);
  assert.equal(tunnel.keeps(stream), false);
  for (let i = 0; i < 3; i++) tunnel.open('web', '').on('error', () => {});
  await turns();
  assert.deepEqual([first.session.streams, second.session.streams], [1, 3]);
  second.pause();
  assert.equal(tunnel.paused, true);
  assert.equal(tunnel.keeps(stream), true);
});

test('who comes while every link is lost waits as long as visitors do, and is told so', async () => {
  const { clock, tunnel, join } = world();
  const agent = join(0);
  const before = tunnel.open('web', '').on('error', () => {});
  agent.pause();
  const patient = tunnel.open('web', '');
  const told = new Promise<PosternError>((resolve) => patient.once('error', resolve));
  await clock.advance(9_000);
  assert.equal(tunnel.outwaited(before), false);
  await clock.advance(2_000);
  assert.equal((await told).code, 'tunnel-paused');
  // What was there before is for the exchange to judge.
  assert.equal(before.destroyed, false);
  assert.equal(tunnel.outwaited(before), true);
  const lucky = tunnel.open('web', '').on('error', () => {});
  agent.resume();
  await clock.advance(60_000);
  assert.equal(lucky.destroyed, false);
  assert.equal(tunnel.outwaited(before), false);
});

test('a stream is judged by its own link, not by the others of its tunnel', async () => {
  const { clock, tunnel, join } = world();
  const [first, second] = [join(0), join(1)];
  const [one, other] = [tunnel.open('web', ''), tunnel.open('web', '')];
  for (const stream of [one, other]) stream.on('error', () => {});
  first.pause();
  await clock.advance(8_000);
  second.pause();
  await clock.advance(3_000);
  assert.deepEqual(
    [one, other, undefined].map((stream) => tunnel.outwaited(stream)),
    [true, false, false],
  );
  await clock.advance(7_000);
  assert.deepEqual(
    [one, other, undefined].map((stream) => tunnel.outwaited(stream)),
    [true, true, true],
  );
});

test('new streams keep away from a link with bulk in either direction', async () => {
  const { tunnel, join, clock } = world();
  const [first, second] = [join(0), join(1)];
  const bulk = tunnel.open('web', '').on('error', () => {});
  bulk.write(Buffer.alloc(128 * 1024));
  await turns();
  for (let i = 0; i < 3; i++) tunnel.open('web', '').on('error', () => {});
  await turns();
  assert.deepEqual([first.session.streams, second.session.streams], [1, 3]);
  assert.equal(tunnel.keeps(bulk), false);
  await clock.advance(2_000);
  assert.equal(tunnel.keeps(bulk), true);
  tunnel.open('web', '').on('error', () => {});
  await turns();
  assert.equal(first.session.streams, 2);
});

test('news that comes over several links counts once, and late news not at all', async () => {
  const { tunnel, join } = world();
  const [first, second] = [join(0), join(1)];
  const ready = { type: 'readiness', service: 'web', ready: true } as const;
  const links = { type: 'links', hashes: [hash('two')] } as const;
  first.session.sendInfo({ ...ready, serial: 2 });
  first.session.sendInfo({ ...links, serial: 3 });
  await turns();
  second.session.sendInfo({ ...ready, ready: false, serial: 1 });
  second.session.sendInfo({ ...ready, serial: 2 });
  second.session.sendInfo({ ...links, hashes: [hash('one')], serial: 0 });
  await turns();
  assert.deepEqual(tunnel.readiness('web'), { ready: true });
  assert.equal(tunnel.spendLink('one', '192.0.2.1'), false);
  assert.equal(tunnel.spendLink('two', '192.0.2.1'), true);
  second.session.sendInfo({ ...ready, ready: false, exit: 1, serial: 9 });
  await turns();
  assert.deepEqual(tunnel.readiness('web'), { ready: false, exit: 1 });
});

test('a link that the bastion itself sends away does not hold its slot any more', async () => {
  const { tunnel, join } = world();
  join(0);
  assert.equal(tunnel.links[0]?.leaving, false);
  tunnel.links[0]?.session.goAway({ code: 'draining', reconnectAfterMs: 0 });
  assert.equal(tunnel.links[0]?.leaving, true);
});

test('streams are counted over all links, and one more than the limit is refused without harm to the others', async () => {
  const { tunnel, join } = world(undefined, { ...GENEROUS, streams: 3 });
  const agents = [join(0), join(1)];
  const streams = [1, 2, 3].map(() => tunnel.open('web', '').on('error', assert.fail));
  assert.throws(() => tunnel.open('web', ''), { code: 'stream-limit' });
  await turns();
  assert.equal(
    agents.reduce((sum, { session }) => sum + session.streams, 0),
    3,
  );
  streams[0]?.abort('stream-cancelled');
  await turns();
  tunnel.open('web', '').on('error', assert.fail);
  assert.equal(tunnel.streams, 3);
});

test('streams are opened at a rate: beyond it, one is refused, and time makes room', async () => {
  const { tunnel, join, clock } = world(undefined, { ...GENEROUS, opens: { perSecond: 2, burst: 3 } });
  join(0);
  join(1);
  const open = (): unknown => tunnel.open('web', '').on('error', assert.fail);
  for (let count = 0; count < 3; count++) open();
  assert.throws(open, { code: 'stream-rate' });
  await clock.advance(499);
  assert.throws(open, { code: 'stream-rate' });
  await clock.advance(1);
  open();
  assert.throws(open, { code: 'stream-rate' });
  assert.equal(tunnel.streams, 4);
});

test('a full link is passed over as long as another one has room', async () => {
  const { tunnel, join } = world();
  const agents = [join(0), join(1)];
  for (let count = 0; count < 2 * LIMITS.streams; count++) tunnel.open('web', '').on('error', assert.fail);
  assert.throws(() => tunnel.open('web', ''), { code: 'stream-limit' });
  await turns();
  assert.deepEqual(
    agents.map(({ session }) => session.streams),
    [LIMITS.streams, LIMITS.streams],
  );
});

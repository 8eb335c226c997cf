// postern-agent --links: several registrations of one agent, one address told, one link renewed once, news over each of them.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';

import { PosternError } from '../../../shared/errors.ts';
import type { Info } from '../../../shared/wire/handshake.ts';
import { AgentProgram, server } from '../../support/agent-program.ts';
import { BareBastion, type Arrived } from '../../support/bare-bastion.ts';
import { eventually } from '../../support/bastion-world.ts';

const hashIn = (file: string): string =>
  createHash('sha256').update(readFileSync(file, 'utf8').trim().split('=')[1]!).digest('hex');
const linksIn = (infos: readonly Info[]): Info[] => infos.filter(({ type }) => type === 'links');
const times = (text: string, pattern: RegExp): number => [...text.matchAll(pattern)].length;

test('each link registers with its slot, and what is said of the notebook is said once', async (t) => {
  const bastion = await new BareBastion().listen();
  const file = join(bastion.directory, 'link');
  const agent = new AgentProgram(bastion, 'run', ['--links', '3', '--link-file', file, ...server()]);
  t.after(async () => {
    agent.process.kill('SIGKILL');
    await bastion.close();
  });
  await bastion.arrival(3);
  const arrived = bastion.arrivals.slice() as [Arrived, Arrived, Arrived];
  assert.deepEqual(
    arrived.map(({ registration }) => registration.slot).toSorted((a, b) => a - b),
    [0, 1, 2],
  );
  assert.equal(arrived[0].registration.slot, 0);
  for (const field of ['instance', 'names', 'services', 'links', 'limits'] as const)
    assert.deepEqual(
      arrived.map(({ registration }) => registration[field]),
      Array.from({ length: 3 }, () => arrived[0].registration[field]),
    );
  await agent.until(/COMMAND \d+ LISTENS/);
  const ready = (infos: readonly Info[]): boolean => infos.some((info) => info.type === 'readiness' && info.ready);
  await eventually(() => arrived.every(({ infos }) => ready(infos)), 'every link hears that the notebook is ready');

  await eventually(() => existsSync(file), 'the link is written');
  const first = hashIn(file);
  assert.deepEqual(arrived[0].registration.links, [first]);
  // The same news over two links: as a bastion would say it that heard an old registration.
  for (const { session } of arrived.slice(0, 2))
    session.sendInfo({ type: 'link-spent', hash: first, from: '192.0.2.1' });
  await eventually(() => arrived.every(({ infos }) => linksIn(infos).length === 2), 'every link hears of the next one');
  await eventually(() => hashIn(file) !== first, 'the next link is written');
  const second = hashIn(file);
  for (const { infos } of arrived)
    assert.deepEqual(
      linksIn(infos).map((info) => info.type === 'links' && info.hashes),
      [[second], [second]],
    );
  const serials = arrived.map(({ infos }) => infos.map(({ serial }) => serial!));
  for (const list of serials)
    assert.deepEqual(
      list,
      [...new Set(list)].toSorted((a, b) => a - b),
    );
  assert.equal(times(agent.output, /The notebook has its address/g), 1);
  assert.equal(times(agent.output, /there is a new one/g), 1);

  arrived[2].session.destroy(new PosternError('internal'));
  const { registration } = await bastion.arrival(4);
  assert.deepEqual([registration.slot, registration.links], [arrived[2].registration.slot, [second]]);
  agent.process.kill('SIGTERM');
  await agent.exited;
  assert.equal(times(agent.output, /The notebook has its address/g), 1);
});

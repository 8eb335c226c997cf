// The one-time link: in the link file, renewed when it was used, and nowhere else.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { watch } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'node:test';

import { AgentProgram, server } from '../../support/agent-program.ts';
import { BareBastion } from '../../support/bare-bastion.ts';

/** The first content of the file that passes. */
async function linkIn(directory: string, accept: (link: string) => boolean): Promise<string> {
  const file = join(directory, 'link');
  const abort = new AbortController();
  const changes = watch(directory, { signal: abort.signal })[Symbol.asyncIterator]();
  let change = changes.next();
  for (;;) {
    const link = existsSync(file) ? readFileSync(file, 'utf8') : '';
    if (link !== '' && accept(link)) {
      change.catch(() => {});
      abort.abort();
      return link;
    }
    await change;
    change = changes.next();
  }
}

test('the link is private, fits its hash, is renewed when spent, and gone at the end', async () => {
  const bastion = await new BareBastion().listen();
  const { directory } = bastion;
  const agent = new AgentProgram(bastion, 'run', ['--link-file', join(directory, 'link'), ...server()]);
  const { registration, session, infos } = await bastion.arrival();
  const first = await linkIn(directory, () => true);
  assert.equal(statSync(join(directory, 'link')).mode & 0o777, 0o600);
  assert.match(first, /^https:\/\/demo\.bastion\.localhost\/#postern=[\w-]{43}\n$/);
  const hash = createHash('sha256').update(first.trim().split('=')[1]!).digest('hex');
  assert.deepEqual(registration.links, [hash]);

  session.sendInfo({ type: 'link-spent', hash, from: '192.0.2.1' });
  const second = await linkIn(directory, (link) => link !== first);
  // The file and the bastion are told at the same time.
  while (!infos.some(({ type }) => type === 'links')) await new Promise((resolve) => setImmediate(resolve));
  const renewed = infos.findLast((info) => info.type === 'links');
  assert.deepEqual(renewed?.type === 'links' && renewed.hashes, [
    createHash('sha256').update(second.trim().split('=')[1]!).digest('hex'),
  ]);

  agent.process.kill('SIGTERM');
  await agent.exited;
  assert.equal(existsSync(join(directory, 'link')), false);
  assert.deepEqual(
    readdirSync(directory).filter((name) => name.endsWith('.tmp')),
    [],
  );
  for (const link of [first, second]) assert.ok(!agent.output.includes(link.trim().split('=')[1]!));
  assert.match(agent.output, /https:\/\/demo\.bastion\.localhost\//);
  assert.ok(!agent.output.includes('token-of-the-test'));
  await bastion.close();
});

test('a public notebook has no link, only its address', async () => {
  const bastion = await new BareBastion().listen();
  const { directory } = bastion;
  const agent = new AgentProgram(bastion, 'run', [
    '--access',
    'public',
    '--link-file',
    join(directory, 'link'),
    ...server(),
  ]);
  const { registration } = await bastion.arrival();
  assert.deepEqual([registration.access, registration.links], ['public', []]);
  assert.equal(await linkIn(directory, () => true), 'https://demo.bastion.localhost/\n');
  agent.process.kill('SIGTERM');
  await agent.exited;
  await bastion.close();
});

// Names across jobs, restarts and administrators: a real bastion, and the command line beside it.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';

import { createToken, loadTokenKey } from '../../../bastion/auth/token.ts';
import { bastionCommand } from '../../support/bastion-command.ts';
import { DOMAIN, bastionWorld } from '../../support/bastion-world.ts';

const HOST = `demo.${DOMAIN}`;

test('a name stays its owner’s between jobs, and its visitors are told that the agent is away', async (t) => {
  const world = await bastionWorld(t);
  const first = await world.agent(await world.token());
  const bob = await world.token({ owner: 'bob' });
  await assert.rejects(world.agent(bob), { code: 'name-taken', status: 409 });
  await first.session.close();
  await assert.rejects(world.agent(bob), { code: 'name-taken', status: 409 });
  await world.agent(await world.token());
});

test('a name stays its owner’s when the bastion starts anew', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'postern-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const state = join(folder, 'state');
  const first = await bastionWorld(t, { stateDirectory: state });
  const tokenOf = (owner: string) =>
    createToken(loadTokenKey(state), { owner, names: ['*'], use: 'agent', ttlMs: 3_600_000 });
  await first.agent(await tokenOf('alice'));
  await first.bastion.destroy();
  const second = await bastionWorld(t, { stateDirectory: state });
  await assert.rejects(second.agent(await tokenOf('bob')), { code: 'name-taken' });
  const answer = await second.visit(HOST, '/');
  assert.deepEqual([answer.status, answer.headers['postern-code']], [503, 'tunnel-absent']);
  await second.agent(await tokenOf('alice'));
});

test('a name can be reserved before the job starts, while the bastion runs', async (t) => {
  const { state, visit, agent, token } = await bastionWorld(t);
  assert.equal((await visit(HOST, '/')).headers['postern-code'], 'name-unknown');
  const printed = await bastionCommand('name', 'reserve', '--state', state, '--name', 'demo', '--owner', 'alice');
  assert.match(printed, /^NAME\tOWNER.*\ndemo\talice\theld\t/);
  assert.equal((await visit(HOST, '/')).headers['postern-code'], 'tunnel-absent');
  await assert.rejects(agent(await token({ owner: 'bob' })), { code: 'name-taken' });
  await agent(await token());
  assert.match(await bastionCommand('name', 'list', '--state', state, '--owner', 'alice'), /\ndemo\talice\theld\t/);
  assert.doesNotMatch(await bastionCommand('name', 'list', '--state', state, '--owner', 'bob'), /demo/);
});

test('a name that was given up awaits nobody, and is the owner’s again as soon as they claim it', async (t) => {
  const { state, visit, agent, token } = await bastionWorld(t);
  await bastionCommand('name', 'reserve', '--state', state, '--name', 'demo', '--owner', 'alice');
  await bastionCommand('name', 'release', '--state', state, '--name', 'demo');
  assert.equal((await visit(HOST, '/')).headers['postern-code'], 'name-unknown');
  await assert.rejects(agent(await token({ owner: 'bob' })), { code: 'name-taken' });
  await agent(await token());
  assert.match(await bastionCommand('name', 'show', '--state', state, '--name', 'demo'), /\theld\t/);
});

test('a name that an administrator gives away leaves its tunnel within a second', async (t) => {
  const { state, agent, token } = await bastionWorld(t);
  const alice = await agent(await token(), { names: ['demo', 'demo-2'] });
  const give = ['name', 'give', '--state', state, '--name', 'demo', '--owner', 'bob'];
  await assert.rejects(bastionCommand(...give), { code: 'options-invalid' });
  const start = performance.now();
  await bastionCommand(...give, '--force');
  await alice.session.closed;
  assert.ok(performance.now() - start < 1000, 'within a second');
  assert.deepEqual(
    alice.goAways.map(({ code }) => code),
    ['name-taken'],
  );
  await assert.rejects(agent(await token()), { code: 'name-taken' });
  await agent(await token({ owner: 'bob' }));
  await bastionCommand('name', 'free', '--state', state, '--name', 'demo', '--force');
  await agent(await token({ owner: 'carol' }));
});

test('one owner’s agents claim no more names than the limit', async (t) => {
  const { agent, token } = await bastionWorld(t, { namesPerOwner: 2 });
  await agent(await token(), { names: ['demo', 'demo-2'] });
  await assert.rejects(agent(await token(), { names: ['demo-3'] }), { code: 'name-limit', status: 403 });
  await agent(await token({ owner: 'bob' }), { names: ['demo-3'] });
});

test('a mistyped state directory is no store without names', async () => {
  await assert.rejects(bastionCommand('name', 'list', '--state', '/nonexistent/postern'), { code: 'state-unusable' });
});

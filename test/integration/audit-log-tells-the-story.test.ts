// A bastion's audit log of one story: who made, claimed, reached and lost what; and no secret of anybody's in it.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';

import type { Stream } from '../../shared/mux/stream.ts';
import { bastionCommand } from '../support/bastion-command.ts';
import { DOMAIN, bastionWorld, hashOf } from '../support/bastion-world.ts';

const HOST = `demo.${DOMAIN}`;

test('the story is told in order, with who, whence and why, and without secrets', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'postern-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'audit.log');
  const world = await bastionWorld(t, { auditLog: { path, rotateBytes: 1e9, keep: 1 } });
  const command = (...words: readonly string[]): Promise<string> =>
    bastionCommand(...words, '--state', world.state, '--audit-log', path);
  const made = async (...more: readonly string[]): Promise<string> =>
    (await command('token', 'create', '--owner', 'alice', '--name', '*', ...more)).trim();
  const [token, visitor] = [await made(), await made('--use', 'visitor')];
  const serve = (stream: Stream): void =>
    void stream.on('data', () => stream.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'));

  await assert.rejects(world.agent('wrong-secret'), { code: 'credential-invalid' });
  const agent = await world.agent(token, { links: [hashOf('one-time-secret')] }, serve);
  const secret = async (text: string): Promise<number> => {
    const headers = { origin: `https://${HOST}:${world.bastion.port}`, 'content-type': 'application/json' };
    const body = JSON.stringify({ secret: text });
    return (await world.visit(HOST, '/_postern/enter', { method: 'POST', headers, body })).status;
  };
  assert.equal((await world.visit(HOST, '/private/path?with=query')).status, 401);
  assert.deepEqual([await secret('wrong-secret'), await secret('one-time-secret')], [403, 204]);
  assert.equal((await world.visit(HOST, '/', { headers: { authorization: `Bearer ${visitor}` } })).body, 'ok');
  await command('name', 'give', '--name', 'demo', '--owner', 'bob', '--force');
  await agent.session.closed;
  await command('token', 'revoke', '--owner', 'alice');
  await world.bastion.destroy();

  const text = readFileSync(path, 'utf8');
  const events = text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  const told = events.map(({ event, owner, visitor: who, code }) =>
    [event, owner ?? '', who ?? '', code ?? ''].join(' ').trim(),
  );
  assert.deepEqual(told, [
    'bastion-started',
    'token-made alice',
    'token-made alice',
    'agent-refused   credential-invalid',
    'name-claimed alice',
    'agent-registered alice',
    'visit-refused alice  sign-in-needed',
    'link-refused alice  link-spent',
    'link-used alice',
    'visit alice alice',
    'name-given bob',
    'owner-revoked alice',
    'bastion-stopped',
  ]);
  assert.ok(events.every(({ time }) => typeof time === 'string' && !Number.isNaN(Date.parse(time))));
  assert.match(String(events.find(({ event }) => event === 'name-given')?.['by']), /^command line \(.+\)$/);
  assert.ok(
    events
      .filter(({ event }) => /^(visit|link|agent)/.test(String(event)))
      .every(({ address }) => address === '127.0.0.1'),
  );
  for (const secretText of [token, visitor, token.split('.')[2] ?? '', 'secret', 'private/path', 'with=query'])
    assert.ok(!text.includes(secretText), secretText);
});

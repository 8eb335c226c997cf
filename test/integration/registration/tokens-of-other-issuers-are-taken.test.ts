// A real bastion that believes an outside issuer: agents register and scripts visit with its tokens, and lose them.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import type { TestContext } from 'node:test';

import type { Stream } from '../../../shared/mux/stream.ts';
import { bastionCommand } from '../../support/bastion-command.ts';
import { DOMAIN, bastionWorld } from '../../support/bastion-world.ts';
import { rulesFor, startIssuer } from '../../support/issuer.ts';

const HOST = `alice-1.${DOMAIN}`;
const NAMES = { names: ['alice-1'] };

async function world(t: TestContext) {
  const issuer = await startIssuer(t);
  const folder = mkdtempSync(join(tmpdir(), 'postern-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const issuers = join(folder, 'issuers.json');
  const write = (rules: object): void => writeFileSync(issuers, JSON.stringify({ issuers: [rules] }));
  write(rulesFor(issuer));
  return { issuer, write, ...(await bastionWorld(t, { issuers })) };
}

function ok(stream: Stream): void {
  stream.on('data', () => stream.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'));
}

test('an agent registers and a script visits with tokens of the issuer, as their owner', async (t) => {
  const { issuer, agent, visit } = await world(t);
  await agent(await issuer.token({ scope: 'notebook.serve' }), NAMES, ok);
  const visitAs = async (claims: Record<string, unknown>) =>
    visit(HOST, '/', { headers: { authorization: `Bearer ${await issuer.token(claims)}` } });
  assert.equal((await visitAs({ scope: 'notebook.visit' })).body, 'ok');
  assert.equal((await visitAs({ scope: 'notebook.visit', sub: 'bob' })).headers['postern-code'], 'not-yours');
  assert.equal((await visitAs({ scope: 'notebook.serve' })).headers['postern-code'], 'credential-invalid');
  await assert.rejects(agent(await issuer.token({ scope: 'notebook.serve', sub: 'bob' }), NAMES), {
    code: 'name-not-allowed',
  });
});

test('an issuer that is down is told apart from a bad token', async (t) => {
  const { issuer, agent } = await world(t);
  issuer.failing = true;
  const token = await issuer.token({ scope: 'notebook.serve' });
  await assert.rejects(agent(token, NAMES), { code: 'issuer-unreachable', status: 503 });
});

test('a token of the issuer can be taken back here', async (t) => {
  const { issuer, agent, state } = await world(t);
  const { session } = await agent(await issuer.token({ scope: 'notebook.serve' }), NAMES);
  await bastionCommand('token', 'revoke', '--state', state, '--id', `${issuer.url}#j1`, '--unknown');
  await session.closed;
  await assert.rejects(agent(await issuer.token({ scope: 'notebook.serve' }), NAMES), { code: 'credential-revoked' });
  await agent(await issuer.token({ scope: 'notebook.serve', jti: 'j2' }), NAMES);
});

test('the rules are read again when the bastion is told to, and kept when they cannot be used', async (t) => {
  const { issuer, agent, write, bastion } = await world(t);
  const token = await issuer.token({ scope: 'notebook.other' });
  await assert.rejects(agent(token, NAMES), { code: 'credential-invalid' });
  write({ issuer: 'nonsense' });
  bastion.reload();
  await agent(await issuer.token({ scope: 'notebook.serve' }), NAMES);
  write(rulesFor(issuer, { agent: { scopes: ['notebook.other'] } }));
  bastion.reload();
  await agent(token, NAMES);
});

test('a bastion does not start with rules that cannot be used', async (t) => {
  await assert.rejects(bastionWorld(t, { issuers: '/nonexistent/issuers.json' }), { code: 'options-invalid' });
});

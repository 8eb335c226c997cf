// A real agent whose token's file gets a fresh token: the same session goes on, past the end of the first one.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmodSync, renameSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import test from 'node:test';

import { AgentProgram } from '../../support/agent-program.ts';
import { bastionCommand } from '../../support/bastion-command.ts';
import { DOMAIN, bastionWorld } from '../../support/bastion-world.ts';

test(
  'a tunnel goes on with the fresh token in the file, and ends when there is none',
  { timeout: 60_000 },
  async (t) => {
    const world = await bastionWorld(t);
    const [tokenFile, caFile] = [join(world.state, 'agent.token'), join(world.state, 'ca.pem')];
    const put = (token: string): void => {
      writeFileSync(`${tokenFile}.new`, token);
      chmodSync(`${tokenFile}.new`, 0o600);
      renameSync(`${tokenFile}.new`, tokenFile);
    };
    writeFileSync(caFile, world.ca);
    put(await world.token({ ttlMs: 6000 }));
    const notebook = createServer((socket) => socket.on('error', () => {}).end()).listen(0, '127.0.0.1');
    t.after(() => notebook.close());
    await once(notebook, 'listening');
    const bastion = { url: `https://${DOMAIN}:${world.bastion.port}`, tokenFile, caFile };
    const to = `http://127.0.0.1:${(notebook.address() as AddressInfo).port}`;
    const agent = new AgentProgram(bastion, 'attach', ['--to', to, '--log-format', 'json']);
    t.after(() => void agent.process.kill('SIGKILL'));

    const registered = JSON.parse((await agent.until(/\{.*"Registered".*\}/))[0]) as { until: string; session: string };
    const tokens = [await world.token({ owner: 'bob' }), await world.token({ names: ['other'] })];
    for (const [index, code] of ['credential-invalid', 'name-not-allowed'].entries()) {
      put(tokens[index] as string);
      await agent.until(new RegExp(`"code":"${code}"`));
    }
    put(await world.token({ ttlMs: 3_600_000 }));
    await agent.until(/The bastion took the fresh credential/);
    while (Date.now() < Date.parse(registered.until) + 500) await new Promise((resolve) => setTimeout(resolve, 100));
    assert.equal((await world.visit(`demo.${DOMAIN}`, '/')).headers['postern-code'], 'sign-in-needed', 'it is there');
    assert.equal(agent.output.match(/"Registered"/g)?.length, 1, 'it never had to register again');
    for (const token of tokens) assert.ok(!agent.output.includes(token));
    await bastionCommand('token', 'revoke', '--state', world.state, '--owner', 'alice');
    await agent.until(/credential-revoked/);
  },
);

// What a Jupyter started by `run` gets, seen by a program of that name.

import assert from 'node:assert/strict';
import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import test from 'node:test';

import { AgentProgram, server } from '../../support/agent-program.ts';
import { BareBastion } from '../../support/bare-bastion.ts';

const SCRIPT = `#!${process.execPath}
const sock = process.argv.find((word) => word.startsWith('--ServerApp.sock=')).split('=')[1];
require('node:http')
  .createServer((request, response) => response.end())
  .listen(sock, () => console.log('JUPYTER ' + JSON.stringify({ argv: process.argv.slice(2), token: process.env.JUPYTER_TOKEN })));
`;

test('flags, a private socket, and a token that only the bastion knows besides', async () => {
  const bastion = await new BareBastion().listen();
  const script = join(bastion.directory, 'bin', 'jupyter');
  mkdirSync(dirname(script));
  // Whatever a package.json further up says.
  writeFileSync(join(dirname(script), 'package.json'), '{"type":"commonjs"}');
  writeFileSync(script, SCRIPT, { mode: 0o755 });
  const agent = new AgentProgram(bastion, 'run', ['--', script, 'lab']);
  const { registration } = await bastion.arrival();
  const { argv, token } = JSON.parse((await agent.until(/JUPYTER (.*)\n/))[1]!) as { argv: string[]; token: string };
  await agent.until(/The notebook answers/);
  assert.match(token, /^[0-9a-f]{64}$/);
  assert.deepEqual(registration.services, [{ name: 'web', authorization: `token ${token}` }]);
  const [, socket] = /^--ServerApp\.sock=(.*)$/.exec(argv[1] ?? '') ?? [];
  assert.deepEqual(argv, ['lab', `--ServerApp.sock=${socket}`, '--ServerApp.allow_remote_access=True', '--no-browser']);
  assert.equal(statSync(dirname(socket!)).mode & 0o777, 0o700);
  assert.ok(!agent.output.replace(/JUPYTER .*\n/, '').includes(token));
  agent.process.kill('SIGTERM');
  await agent.exited;
  assert.throws(() => statSync(dirname(socket!)), { code: 'ENOENT' });
  await bastion.close();
});

test('any other command keeps its token to itself unless told otherwise', async () => {
  const bastion = await new BareBastion().listen();
  const printing = server(`console.log('TOKEN ' + process.env.POSTERN_UPSTREAM_TOKEN);`);
  const silent = new AgentProgram(bastion, 'run', printing);
  assert.deepEqual((await bastion.arrival(1)).registration.services, [{ name: 'web' }]);
  const asked = new AgentProgram(bastion, 'run', ['--authorization', 'bearer', ...printing]);
  const { registration } = await bastion.arrival(2);
  const [, token] = await asked.until(/TOKEN ([0-9a-f]{64})\n/);
  assert.deepEqual(registration.services, [{ name: 'web', authorization: `Bearer ${token}` }]);
  for (const agent of [silent, asked]) {
    agent.process.kill('SIGTERM');
    await agent.exited;
  }
  await bastion.close();
});

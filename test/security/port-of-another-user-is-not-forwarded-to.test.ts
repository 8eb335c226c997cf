// On a shared node, anybody can take the port that a notebook left: the agent must not send visitors there.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import test from 'node:test';

import { fileOwnedBy, portOwnedBy } from '../../agent/upstreams/ownership.ts';
import { tcpUpstream, unixUpstream } from '../../agent/upstreams/socket.ts';
import { AgentProgram } from '../support/agent-program.ts';
import { BareBastion } from '../support/bare-bastion.ts';
import { tcpWorld, unixWorld } from '../support/upstream-world.ts';

const HOST = '127.0.0.1';
const NOBODY = 65_534;
const uid = process.geteuid?.() ?? -1;
const never = new AbortController().signal;
const asOther = uid === 0 ? {} : { skip: 'only root can start a server as another user' };

/** Accepts, and says what it was sent. */
const SQUATTER = `
  const server = require('node:net').createServer((socket) => {
    socket.on('data', (data) => console.log('GOT ' + data));
    socket.on('error', () => {});
    socket.on('close', () => console.log('CLOSED'));
  });
  server.listen(process.argv[1], '127.0.0.1', () => console.log('AT ' + (server.address().port ?? '')));
`;

async function squatter(place: string) {
  const child = spawn(process.execPath, ['-e', SQUATTER, place], {
    uid: NOBODY,
    gid: NOBODY,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (data: string) => (output += data));
  const until = async (pattern: RegExp): Promise<RegExpExecArray> => {
    for (;;) {
      const match = pattern.exec(output);
      if (match !== null) return match;
      await once(child.stdout, 'data');
    }
  };
  const stop = async (): Promise<void> => {
    child.kill('SIGKILL');
    await once(child, 'exit');
  };
  return { until, stop, output: () => output };
}

test("another user's port gets a connection and not a byte", asOther, async () => {
  const other = await squatter('0');
  const port = Number((await other.until(/AT (\d+)/))[1]);
  const upstream = tcpUpstream({ label: 'x', host: HOST, port, check: portOwnedBy(uid, HOST, port) });
  await assert.rejects(upstream.dial(never), { code: 'upstream-foreign' });
  await other.until(/CLOSED/);
  assert.ok(!other.output().includes('GOT'));
  await other.stop();
});

test('the port is asked for at each dial, not once', asOther, async () => {
  const world = await tcpWorld((port) =>
    tcpUpstream({ label: 'x', host: HOST, port, check: portOwnedBy(uid, HOST, port) }),
  );
  const socket = await world.upstream.dial(never);
  const port = (socket as unknown as { remotePort: number }).remotePort;
  socket.destroy();
  await world.close();
  const other = await squatter(String(port));
  await other.until(/AT/);
  await assert.rejects(world.upstream.dial(never), { code: 'upstream-foreign' });
  await other.stop();
});

test("another user's unix socket is not used", asOther, async () => {
  const directory = mkdtempSync(join(tmpdir(), 'postern-test-'));
  chmodSync(directory, 0o777);
  const path = join(directory, 'socket');
  const other = await squatter(path);
  await other.until(/AT/);
  const upstream = unixUpstream({ label: 'x', path, check: fileOwnedBy(uid, path) });
  await assert.rejects(upstream.dial(never), { code: 'upstream-foreign' });
  await other.stop();
  rmSync(directory, { recursive: true, force: true });
});

test('who is not the owner of a port is told apart from who is', async () => {
  const world = await tcpWorld((port) =>
    tcpUpstream({ label: 'x', host: HOST, port, check: portOwnedBy(uid + 1, HOST, port) }),
  );
  await assert.rejects(world.upstream.dial(never), { code: 'upstream-foreign' });
  await world.close();
  const unix = await unixWorld((path) => unixUpstream({ label: 'x', path, check: fileOwnedBy(uid + 1, path) }));
  await assert.rejects(unix.upstream.dial(never), { code: 'upstream-foreign' });
  await unix.close();
});

test("another user's port is not forwarded to because its number was allowed", asOther, async () => {
  const other = await squatter('0');
  const port = (await other.until(/AT (\d+)/))[1] as string;
  const bastion = await new BareBastion().listen();
  const options = ['--allow-port', port, '--allow-foreign-upstream', '--to', 'unix:/tmp/postern-nobody.sock'];
  const agent = new AgentProgram(bastion, 'attach', options);
  const { session } = await bastion.arrival();
  const stream = session.open({ service: port, visitor: '192.0.2.1' });
  stream.write('GET / HTTP/1.1\r\n\r\n');
  await assert.rejects(text(stream), { code: 'upstream-foreign' });
  await other.until(/CLOSED/);
  assert.ok(!other.output().includes('GOT'));
  agent.process.kill('SIGTERM');
  await agent.exited;
  await bastion.close();
  await other.stop();
});

// An endless download that nobody reads: both programs hold no more of it than their documented budget, and others go on.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import { request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import { createToken, freePort, startAgent, startBastion, type Run } from '../../contrib/demo/programs.ts';
import { lookup } from '../../shared/net/resolve.ts';
import { builtPrograms } from '../support/jupyter-world.ts';

const LONG = process.env['POSTERN_FAULTS'] === 'long';
const READERS = LONG ? 200 : 50;
const MIB = 2 ** 20;
/** --session-credit; a quarter of the default, so that few readers reach it. */
const SESSION_CREDIT = 16 * MIB;
/** Per connection: TLS, the kernel's share not counted, what Node reads ahead and what it buffers for writing. */
const PER_READER = 0.4 * MIB;
/** What the collector leaves lying about while a heap is in use. */
const SLACK = 64 * MIB;

function residentBytes(pid: number): number {
  const [, pages] = readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ');
  return Number(pages) * 4096;
}

test(`${READERS} visitors who read nothing of endless downloads cost a bounded number of bytes`, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'postern-'));
  const block = Buffer.alloc(65_536);
  const notebook = createServer((asked, response) => {
    if (asked.url === '/small') return void response.end('hello');
    const more = (): void => {
      while (response.write(block));
    };
    response.on('drain', more);
    more();
  }).listen(0, '127.0.0.1');
  await once(notebook, 'listening');
  const run: Run = {
    programs: await builtPrograms(),
    id: `slow-${process.pid}`,
    folder,
    domain: 'notebooks.localhost',
  };
  const bastion = await startBastion(run, await freePort(0), { extra: ['--session-credit', String(SESSION_CREDIT)] });
  t.after(async () => {
    await bastion.child.stop(2000, 'SIGKILL');
    notebook.close();
    notebook.closeAllConnections();
    rmSync(folder, { recursive: true, force: true });
  });
  const to = `http://127.0.0.1:${(notebook.address() as AddressInfo).port}`;
  const tokenFile = await createToken(run, 'alice', 'demo');
  const { child } = await startAgent(run, bastion, {
    name: 'demo',
    tokenFile,
    serve: { to },
    extra: ['--access', 'public'],
  });
  t.after(() => child.stop(2000, 'SIGKILL'));

  const ask = async (path: string): Promise<IncomingMessage> => {
    const options = {
      host: 'demo.notebooks.localhost',
      port: bastion.port,
      path,
      ca: bastion.ca,
      lookup,
      agent: false,
    };
    const [response] = (await once(request(options).end(), 'response')) as [IncomingMessage];
    return response;
  };
  const small = async (): Promise<void> => assert.equal((await (await ask('/small')).toArray()).join(''), 'hello');
  for (let count = 0; count < 50; count++) await small();
  const before = { bastion: residentBytes(bastion.child.pid), agent: residentBytes(child.pid) };
  const unread = await Promise.all(Array.from({ length: READERS }, () => ask('/endless')));
  t.after(() => {
    for (const response of unread) response.on('error', () => {}).destroy();
  });
  const most = { bastion: 0, agent: 0 };
  for (let count = 0; count < 100; count++) {
    // Somebody who does read is served all the while.
    await small();
    most.bastion = Math.max(most.bastion, residentBytes(bastion.child.pid) - before.bastion);
    most.agent = Math.max(most.agent, residentBytes(child.pid) - before.agent);
  }
  const budget = SESSION_CREDIT + READERS * PER_READER + SLACK;
  t.diagnostic(
    `bastion ${Math.round(most.bastion / MIB)} MiB, agent ${Math.round(most.agent / MIB)} MiB, budget ${budget / MIB}`,
  );
  assert.ok(most.bastion < budget, `the bastion grew by ${most.bastion} bytes`);
  assert.ok(most.agent < budget, `the agent grew by ${most.agent} bytes`);
});

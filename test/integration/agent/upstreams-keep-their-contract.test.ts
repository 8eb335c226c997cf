// The upstreams, each against a real server and the contract suite; and what each adds to it.

import assert from 'node:assert/strict';
import test from 'node:test';
import { text } from 'node:stream/consumers';

import { fileOwnedBy, portOwnedBy } from '../../../agent/upstreams/ownership.ts';
import { tcpUpstream, unixUpstream } from '../../../agent/upstreams/socket.ts';
import { tlsUpstream } from '../../../agent/upstreams/tls.ts';
import { upstreamContract } from '../../contract/upstream.ts';
import { tcpWorld, tlsWorld, unixWorld } from '../../support/upstream-world.ts';

const HOST = '127.0.0.1';
const uid = process.geteuid?.() ?? -1;
const never = new AbortController().signal;

upstreamContract('tcp', () =>
  tcpWorld((port) =>
    tcpUpstream({ label: `http://${HOST}:${port}`, host: HOST, port, check: portOwnedBy(uid, HOST, port) }),
  ),
);

upstreamContract('unix', () =>
  unixWorld((path) => unixUpstream({ label: `unix:${path}`, path, check: fileOwnedBy(uid, path) })),
);

upstreamContract('tls', () =>
  tlsWorld((port, ca) =>
    tlsUpstream({ label: `https://lab.localhost:${port}`, host: HOST, port, name: 'lab.localhost', ca }),
  ),
);

test('tls: a certificate for another name, or of another CA, is not accepted', async () => {
  const wrongName = await tlsWorld((port, ca) =>
    tlsUpstream({ label: 'https://x', host: HOST, port, name: 'other.localhost', ca }),
  );
  await assert.rejects(wrongName.upstream.dial(never), { code: 'upstream-failed' });
  await wrongName.close();
  const wrongCa = await tlsWorld((port) =>
    tlsUpstream({ label: 'https://x', host: HOST, port, name: 'lab.localhost' }),
  );
  await assert.rejects(wrongCa.upstream.dial(never), { code: 'upstream-failed' });
  await wrongCa.close();
});

test('unix: a file that is no socket is upstream-refused', async () => {
  const upstream = unixUpstream({ label: 'unix:/x', path: import.meta.filename });
  await assert.rejects(upstream.dial(never), { code: 'upstream-refused' });
});

test('tcp: a host that does not exist is upstream-failed', async () => {
  const upstream = tcpUpstream({ label: 'http://x', host: 'no-such-host.invalid', port: 80 });
  await assert.rejects(upstream.dial(never), { code: 'upstream-failed' });
});

test('tcp: many dials at once each reach the server', async () => {
  const world = await tcpWorld((port) => tcpUpstream({ label: 'http://x', host: HOST, port }));
  const sockets = await Promise.all(Array.from({ length: 50 }, () => world.upstream.dial(never)));
  for (const _ of sockets) (await world.accepted()).end('x');
  const answers = await Promise.all(sockets.map((socket) => text(socket)));
  assert.equal(answers.join(''), 'x'.repeat(50));
  for (const socket of sockets) socket.end();
  await world.close();
});

// Who the visitor is when something stands in front: the PROXY header of TCP balancers, and what HTTP proxies say.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import { connect as tlsConnect, type TLSSocket } from 'node:tls';

import type { BehindOptions } from '../../../bastion/front/behind.ts';
import { everything, frontWorld, HOST, until, type World } from '../../support/front-world.ts';
import { http2Visitor } from '../../support/http2-visitor.ts';

const HERE = ['127.0.0.1'];
const BALANCED: BehindOptions = { balancers: HERE, proxies: [], header: 'x-forwarded-for' };
const PROXIED: BehindOptions = { balancers: [], proxies: [...HERE, '10.0.0.0/8'], header: 'x-forwarded-for' };
const echo = {
  http: (request: { rawHeaders: string[] }, response: { end(text: string): void }) =>
    response.end(request.rawHeaders.join('\n')),
};

/** A connection through a balancer that begins it with these bytes. */
async function through(world: World, header: string | Buffer, ALPNProtocols?: string[]): Promise<TLSSocket> {
  const raw = connect(world.port, '127.0.0.1');
  raw.on('error', () => {});
  raw.write(header);
  const { ca } = world.options('/');
  const tls = tlsConnect({
    socket: raw,
    servername: HOST,
    ca,
    ...(ALPNProtocols === undefined ? {} : { ALPNProtocols }),
  });
  await once(tls, 'secureConnect');
  return tls;
}

const V2 = Buffer.concat([
  Buffer.from('0d0a0d0a000d0a515549540a', 'hex'),
  Buffer.from('2111000c', 'hex'),
  Buffer.from([203, 0, 113, 9, 192, 0, 2, 1, 0x12, 0x67, 1, 187]),
]);
const HEADERS: readonly (readonly [string, string | Buffer, string])[] = [
  ['v1', 'PROXY TCP4 203.0.113.9 192.0.2.1 4711 443\r\n', '203.0.113.9'],
  ['v1 for IPv6', 'PROXY TCP6 2001:db8:0::9 2001:db8::1 4711 443\r\n', '2001:db8::9'],
  ['v2', V2, '203.0.113.9'],
  ['v1 without an address', 'PROXY UNKNOWN\r\n', '127.0.0.1'],
];

for (const [what, header, address] of HEADERS)
  test(`a PROXY header (${what}) says who the visitor is, to the notebook and to the log`, async () => {
    const world = await frontWorld(echo, { behind: BALANCED });
    const tls = await through(world, header);
    tls.write(`GET / HTTP/1.1\r\nHost: ${HOST}\r\nX-Forwarded-For: 198.51.100.1\r\nConnection: close\r\n\r\n`);
    const text = await everything(tls);
    const node = address.includes(':') ? `"[${address}]"` : address;
    assert.ok(text.includes(`X-Forwarded-For\n${address}\n`), text);
    assert.ok(text.includes(`for=${node};`), text);
    assert.ok(!text.includes('198.51.100.1'));
    assert.equal(world.records.at(-1)?.address, address);
    await world.close();
  });

test('a header that arrives byte by byte, and the TLS hello behind it, are told apart', async () => {
  const world = await frontWorld(echo, { behind: BALANCED });
  const raw = connect(world.port, '127.0.0.1');
  raw.setNoDelay(true);
  for (const byte of V2) {
    raw.write(Buffer.from([byte]));
    await new Promise((resolve) => setImmediate(resolve));
  }
  const tls = tlsConnect({ socket: raw, servername: HOST, ca: world.options('/').ca });
  tls.write(`GET / HTTP/1.1\r\nHost: ${HOST}\r\nConnection: close\r\n\r\n`);
  assert.match(await everything(tls), /X-Forwarded-For\n203\.0\.113\.9\n/);
  await world.close();
});

test('over HTTP/2 as well', async () => {
  const world = await frontWorld(echo, { behind: BALANCED });
  const visitor = await http2Visitor({ socket: () => through(world, V2, ['h2']) });
  const answer = await visitor.fetch('/');
  assert.match(answer.body, /X-Forwarded-For\n203\.0\.113\.9\n/);
  visitor.close();
  await world.close();
});

test('from a balancer a header is required: without one, or with a bad one, the connection is refused', async () => {
  const world = await frontWorld(echo, { behind: BALANCED });
  await assert.rejects(world.fetch('/'));
  const raw = connect(world.port, '127.0.0.1');
  raw.write('PROXY TCP4 evil\r\n');
  await everything(raw);
  assert.deepEqual(
    world.records.map(({ code }) => code),
    ['proxy-header-invalid', 'proxy-header-invalid'],
  );
  assert.equal(world.opened.length, 0);
  await world.close();
});

test('from anybody else a header is refused', async () => {
  const world = await frontWorld(echo, { behind: { ...BALANCED, balancers: ['10.0.0.0/8', '::1'] } });
  await assert.rejects(through(world, V2));
  await assert.rejects(through(world, 'PROXY TCP4 203.0.113.9 192.0.2.1 4711 443\r\n'));
  assert.equal((await world.fetch('/')).status, 200);
  await world.close();
});

test('each request of an HTTP proxy is told apart by its header, and none shares a stream with another', async () => {
  const world = await frontWorld(echo, { behind: PROXIED });
  const proxy = await world.socket();
  const ask = async (lines: string): Promise<string> => {
    proxy.write(`GET / HTTP/1.1\r\nHost: ${HOST}\r\n${lines}\r\n`);
    return until(proxy, 'X-Forwarded-Proto\nhttps');
  };
  assert.match(await ask('X-Forwarded-For: 203.0.113.1\r\n'), /X-Forwarded-For\n203\.0\.113\.1\n/);
  assert.match(await ask('X-Forwarded-For: 9.9.9.9, 203.0.113.2, 10.1.1.1\r\n'), /X-Forwarded-For\n203\.0\.113\.2\n/);
  assert.match(await ask('X-Forwarded-For: 9.9.9.9\r\nX-Forwarded-For: 203.0.113.3\r\n'), /For\n203\.0\.113\.3\n/);
  assert.match(await ask('Forwarded: for=203.0.113.4\r\n'), /X-Forwarded-For\n127\.0\.0\.1\n/);
  assert.match(await ask(''), /X-Forwarded-For\n127\.0\.0\.1\n/);
  assert.equal(world.opened.length, 5);
  const addresses = world.records.map(({ address }) => address);
  assert.deepEqual(addresses, ['203.0.113.1', '203.0.113.2', '203.0.113.3', '127.0.0.1', '127.0.0.1']);
  proxy.destroy();
  await world.close();
});

test('Forwarded is read instead where the site says so', async () => {
  const world = await frontWorld(echo, { behind: { ...PROXIED, header: 'forwarded' } });
  const headers = { forwarded: 'for=9.9.9.9, for="[2001:db8::7]:80";proto=https', 'x-forwarded-for': '8.8.8.8' };
  assert.match((await world.fetch('/', { headers })).body, /X-Forwarded-For\n2001:db8::7\n/);
  await world.close();
});

test('whoever is no proxy of ours is not believed', async () => {
  const world = await frontWorld(echo, { behind: { ...PROXIED, proxies: ['10.0.0.0/8'] } });
  const headers = { forwarded: 'for=9.9.9.9', 'x-forwarded-for': '8.8.8.8' };
  assert.match((await world.fetch('/', { headers })).body, /X-Forwarded-For\n127\.0\.0\.1\n/);
  await world.close();
});

test('a balancer in front of an HTTP proxy: the header tells the proxy, and the proxy the visitor', async () => {
  const world = await frontWorld(echo, { behind: { ...BALANCED, proxies: ['203.0.113.0/24'] } });
  const tls = await through(world, V2);
  tls.write(`GET / HTTP/1.1\r\nHost: ${HOST}\r\nX-Forwarded-For: 198.51.100.7\r\nConnection: close\r\n\r\n`);
  assert.match(await everything(tls), /X-Forwarded-For\n198\.51\.100\.7\n/);
  await world.close();
});

test('the gate, its limits, OPEN and registering agents hear the same address', async () => {
  const heard: string[] = [];
  const gate = {
    admit: ({ address }: { address: string }) => {
      heard.push(address);
      return { visitor: 'public', role: 'public' as const, groups: [], inject: false, dropAuthorization: false };
    },
    enter: (_secret: string, _place: unknown, _tunnel: unknown, address: string) => {
      heard.push(address);
      return 'a=b';
    },
  };
  const world = await frontWorld(echo, {
    behind: PROXIED,
    gate,
    tunnelUpgrade: (_request, socket, _head, address) => {
      heard.push(address);
      socket.destroy();
    },
  });
  const headers = { 'x-forwarded-for': '203.0.113.8' };
  await world.fetch('/', { headers });
  const entering = { ...headers, origin: `https://${HOST}`, 'content-type': 'application/json' };
  await world.fetch('/_postern/enter', { method: 'POST', headers: entering, body: '{"secret":"x"}' });
  const agent = { ...headers, host: 'notebooks.example.org', connection: 'upgrade', upgrade: 'websocket' };
  await assert.rejects(world.fetch('/_postern/tunnel', { headers: agent }));
  assert.deepEqual(heard, ['203.0.113.8', '203.0.113.8', '203.0.113.8']);
  await world.close();
});

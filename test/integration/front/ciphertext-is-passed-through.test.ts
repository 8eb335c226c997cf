// Names whose TLS is not ours: ciphertext goes to the agent and back, and what can't go there is told by an alert.

import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { createServer as createHttpsServer } from 'node:https';
import { connect } from 'node:net';
import { test } from 'node:test';
import {
  connect as tlsConnect,
  createServer as createTlsServer,
  type ConnectionOptions,
  type Server,
  type TLSSocket,
} from 'node:tls';

import { createAuthority } from '../../../certs/authority.ts';
import { issueLeaf } from '../../../certs/leaf.ts';
import { Traffic } from '../../../bastion/tunnels/traffic.ts';
import { systemClock } from '../../../shared/mux/clock.ts';
import { PUBLIC } from '../../../shared/wire/access.ts';
import { PosternError } from '../../../shared/errors.ts';
import { DOMAIN, everything, frontWorld, HOST, type World, type WorldOptions } from '../../support/front-world.ts';
import { hello, inRecords } from '../../support/hellos.ts';

/** The notebook's own, which the bastion has never heard of. */
const AUTHORITY = createAuthority({ domain: DOMAIN, now: Date.now() });
const LEAF = issueLeaf(AUTHORITY, { names: [HOST], now: Date.now() });
const MATERIAL = { cert: LEAF.certificate, key: LEAF.key };
const PASSED: WorldOptions = { tunnel: { passesThrough: () => true } };

/** Answers with what it gets. */
function echo(): Server {
  return createTlsServer({ ...MATERIAL, allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {});
    socket.pipe(socket);
  });
}

function secure(port: number): Promise<TLSSocket> {
  // Node knows allowHalfOpen here; its types don't.
  const options: ConnectionOptions & { allowHalfOpen: boolean } = {
    host: '127.0.0.1',
    port,
    servername: HOST,
    ca: AUTHORITY.certificate,
    allowHalfOpen: true,
  };
  return new Promise((resolve, reject) => {
    const tls = tlsConnect(options, () => resolve(tls));
    tls.on('error', reject);
  });
}

/** What the bastion answers to these bytes, as far as it closes then. */
async function answerTo(port: number, bytes: Buffer): Promise<Buffer> {
  const socket = connect(port, '127.0.0.1');
  socket.write(bytes);
  return Buffer.from(await everything(socket), 'latin1');
}

const alert = (description: number): Buffer => Buffer.from([21, 3, 3, 0, 2, 2, description]);

async function recorded(world: World): Promise<World['records'][number]> {
  while (world.records.length === 0) await new Promise((resolve) => setTimeout(resolve, 2));
  return world.records[0] as World['records'][number];
}

test("a visitor's TLS ends at the notebook, and the bastion records what it can know", async () => {
  const world = await frontWorld({ server: echo() }, PASSED);
  const visitor = await secure(world.port);
  assert.equal(visitor.getPeerX509Certificate()?.fingerprint256, new X509Certificate(LEAF.certificate).fingerprint256);
  visitor.end('ping');
  assert.equal(await everything(visitor), 'ping');
  const record = await recorded(world);
  assert.deepEqual(
    { ...record, requestId: '', bytesIn: record.bytesIn > 100, bytesOut: record.bytesOut > 100, durationMs: 0 },
    {
      requestId: '',
      name: 'alice',
      service: 'web',
      address: '127.0.0.1',
      protocol: 'TLS',
      method: '',
      path: '',
      status: 0,
      bytesIn: true,
      bytesOut: true,
      durationMs: 0,
      upgrade: false,
    },
  );
  assert.equal(world.front.passthroughs, 0);
});

test('half-closes and megabytes pass, both ways', async () => {
  const world = await frontWorld({ server: echo() }, PASSED);
  const visitor = await secure(world.port);
  const sent = Buffer.alloc(5_000_000, 'postern ');
  const answer = everything(visitor);
  visitor.end(sent);
  assert.ok(Buffer.from(await answer, 'latin1').equals(sent));
});

test('a visitor who does not read holds the notebook back', async () => {
  let written = 0;
  const server = createTlsServer(MATERIAL, (socket) => {
    socket.on('error', () => {});
    const chunk = Buffer.alloc(65_536);
    const more = (): void => {
      do written += chunk.length;
      while (socket.write(chunk) && written < 200_000_000);
    };
    socket.on('drain', more);
    more();
  });
  const world = await frontWorld({ server }, PASSED);
  const visitor = await secure(world.port);
  visitor.pause();
  let before = -1;
  while (written > before) {
    before = written;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert.ok(written < 40_000_000, `${written} bytes`);
  visitor.destroy();
});

test('a hello in many segments and records is put together', async () => {
  const world = await frontWorld({ server: echo() }, PASSED);
  const socket = connect({ port: world.port, host: '127.0.0.1', noDelay: true });
  const bytes = inRecords(hello(HOST), [40]);
  // Not a hello that a TLS server could answer: it is told so by the notebook's, which got every byte.
  for (let at = 0; at < bytes.length; at += 30) {
    socket.write(bytes.subarray(at, at + 30));
    await new Promise((resolve) => setImmediate(resolve));
  }
  const answer = Buffer.from(await everything(socket), 'latin1');
  assert.equal(answer[0], 21);
  assert.equal(world.opened.length, 1);
  assert.equal((await recorded(world)).bytesIn, bytes.length);
});

test('requests for such a name on a connection that the bastion has decrypted get 421', async () => {
  const world = await frontWorld(
    { http: (_request, response) => response.end('seen') },
    {
      tunnel: { passesThrough: () => true },
      directory: {
        find: () => ({ ...FIRST, passesThrough: () => true }),
        isKnown: () => true,
        lastWords: () => undefined,
        expected: () => undefined,
      },
    },
  );
  const { status, headers } = await world.fetch('/', { servername: DOMAIN });
  assert.equal(status, 421);
  assert.equal(headers['postern-code'], 'end-to-end-only');
  assert.equal(headers.connection, 'close');
  assert.equal(world.opened.length, 0);
});

const FIRST = {
  identity: { owner: 'alice' },
  policy: PUBLIC,
  hasService: () => true,
  authorization: () => undefined,
  readiness: () => undefined,
  spendLink: () => false,
  instance: '',
  job: undefined,
  traffic: new Traffic({ clock: systemClock, tell: () => {} }),
  keep: () => false,
  isQuiet: () => false,
  open: () => {
    throw new PosternError('stream-limit');
  },
};

test('a name whose agent is away, but had TLS end to end, is never decrypted', async () => {
  const world = await frontWorld(
    { http: (_request, response) => response.end('seen') },
    {
      directory: {
        find: () => undefined,
        isKnown: () => true,
        lastWords: (name) => ({ job: undefined, endToEnd: name === 'alice' }),
        expected: () => undefined,
      },
    },
  );
  assert.deepEqual(await answerTo(world.port, inRecords(hello(HOST))), alert(112));
  assert.equal((await recorded(world)).code, 'tunnel-absent');
  // Another one's visitors get the page.
  assert.equal(
    (await world.fetch('/', { servername: `bob.${DOMAIN}`, headers: { host: `bob.${DOMAIN}` } })).status,
    503,
  );
});

test('a visitor waits for an agent that is expected, and for its word on TLS', async () => {
  const back = Promise.withResolvers<void>();
  const asked = Promise.withResolvers<void>();
  let there = false;
  const waiting = await frontWorld(
    { server: echo() },
    {
      directory: {
        find: () => (there ? { ...FIRST, passesThrough: () => true } : undefined),
        isKnown: () => true,
        lastWords: () => undefined,
        expected: () => {
          asked.resolve();
          return there ? undefined : back.promise;
        },
      },
    },
  );
  const answer = answerTo(waiting.port, inRecords(hello(HOST)));
  await asked.promise;
  there = true;
  back.resolve();
  // This tunnel takes no streams, which shows that it was asked.
  assert.deepEqual(await answer, alert(80));
  assert.equal((await recorded(waiting)).code, 'stream-limit');
});

test('an agent that refuses before it has said anything becomes an alert, and later a reset', async () => {
  const refusing = await frontWorld({ raw: (socket) => socket.resetAndDestroy() }, PASSED);
  assert.deepEqual(await answerTo(refusing.port, inRecords(hello(HOST))), alert(80));
  assert.equal((await recorded(refusing)).code, 'upstream-closed');

  const cutting = await frontWorld(
    { raw: (socket) => socket.write('something', () => socket.once('data', () => socket.resetAndDestroy())) },
    PASSED,
  );
  const socket = connect(cutting.port, '127.0.0.1');
  socket.write(inRecords(hello(HOST)));
  await once(socket, 'data');
  const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException];
  assert.equal(error.code, 'ECONNRESET');
});

test('a visitor who breaks off is seen as a reset by the notebook, not as an end', async () => {
  const ended = Promise.withResolvers<string>();
  const world = await frontWorld(
    {
      raw: (socket) => {
        socket.on('end', () => ended.resolve('end'));
        socket.on('error', (error: NodeJS.ErrnoException) => ended.resolve(error.code ?? ''));
        socket.resume();
      },
    },
    PASSED,
  );
  const socket = connect(world.port, '127.0.0.1');
  socket.on('error', () => {});
  socket.write(inRecords(hello(HOST)));
  while (world.opened.length === 0) await new Promise((resolve) => setTimeout(resolve, 2));
  socket.resetAndDestroy();
  assert.equal(await ended.promise, 'ECONNRESET');
  assert.equal((await recorded(world)).code, 'stream-cancelled');
});

test('closing lets a connection that is passed through finish, and then cuts it', async () => {
  const server = createHttpsServer(MATERIAL, (_request, response) => response.end('done'));
  const world = await frontWorld({ server }, PASSED);
  const visitor = await secure(world.port);
  const closed = world.front.close(5000);
  const answer = everything(visitor);
  visitor.end(`GET / HTTP/1.1\r\nHost: ${HOST}\r\nConnection: close\r\n\r\n`);
  assert.match(await answer, /done/);
  await closed;

  const other = await frontWorld({ server: echo() }, PASSED);
  const idle = await secure(other.port);
  const gone = everything(idle);
  const startedAt = performance.now();
  await other.front.close(50);
  await gone;
  assert.ok(performance.now() - startedAt < 3000);
});

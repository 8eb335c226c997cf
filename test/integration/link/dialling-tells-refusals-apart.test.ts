// Every way in which dialling a bastion can fail is told apart, and leaves no connection behind.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import test from 'node:test';

import { createAuthority } from '../../../certs/authority.ts';
import { PosternError, toProblem } from '../../../shared/errors.ts';
import { dialLink } from '../../../shared/link/dial.ts';
import { acceptLink } from '../../../shared/link/accept.ts';
import { failure, eventually, LinkWorld, MAX_MESSAGE } from '../../support/link-world.ts';

/** Answers upgrades with this text. */
function answering(world: LinkWorld, lines: readonly string[], body = ''): void {
  world.onUpgrade = (_request, socket) => {
    socket.on('error', () => undefined);
    socket.end([...lines, `Content-Length: ${Buffer.byteLength(body)}`, 'Connection: close', '', body].join('\r\n'));
  };
}

test('refusals over HTTP', async (t) => {
  const world = await LinkWorld.start();
  t.after(() => world.close());
  const problem = (code: 'name-taken' | 'handshake-limit', more: object = {}): string =>
    JSON.stringify({ ...toProblem(new PosternError(code, 'alice')), ...more });
  const OURS = 'Content-Type: application/problem+json';

  await t.test('a problem document of ours gives its code, detail and Retry-After', async () => {
    answering(world, ['HTTP/1.1 429 Too Many Requests', OURS, 'Retry-After: 7'], problem('handshake-limit'));
    const error = await failure(world.options());
    assert.deepEqual(
      [error.code, error.status, error.retryAfterMs, error.problem?.code, error.problem?.detail, error.refused],
      ['handshake-limit', 429, 7000, 'handshake-limit', 'alice', false],
    );
  });

  await t.test('what a document says beside its code is not believed', async () => {
    const odd = { title: 7, status: 'x', advice: null, detail: 'a\u001b[31m\nb' };
    answering(world, ['HTTP/1.1 409 Conflict', OURS], problem('name-taken', odd));
    const error = await failure(world.options());
    assert.equal(error.problem?.title, 'The name belongs to somebody else');
    assert.equal(error.problem?.detail, 'a?[31m?b');
    answering(world, ['HTTP/1.1 409 Conflict', OURS], problem('name-taken', { detail: { evil: true } }));
    assert.equal((await failure(world.options())).problem?.detail, undefined);
  });

  for (const [what, lines, body] of [
    ['a stray 403 with HTML', ['HTTP/1.1 403 Forbidden', 'Content-Type: text/html'], '<h1>Forbidden</h1>'],
    ['a problem document of somebody else', ['HTTP/1.1 403 Forbidden', OURS], '{"title":"no","code":"E17"}'],
    ['a broken problem document', ['HTTP/1.1 403 Forbidden', OURS], '{'],
    ['a problem document that is null', ['HTTP/1.1 403 Forbidden', OURS], 'null'],
    ['our document under another type', ['HTTP/1.1 403 Forbidden', 'Content-Type: text/plain'], problem('name-taken')],
    ['a redirect', ['HTTP/1.1 302 Found', 'Location: https://elsewhere.example.org/'], ''],
    ['a page without end', ['HTTP/1.1 200 OK', OURS], 'x'.repeat(100_000)],
  ] as const)
    await t.test(`${what} is not the bastion's word`, async () => {
      answering(world, lines, body);
      const error = await failure(world.options());
      assert.deepEqual([error.code, error.problem], ['bastion-unreachable', undefined]);
      assert.equal(error.status, Number(lines[0].slice(9, 12)));
    });

  await t.test('a refusal that is cut short is judged by its status', async () => {
    world.onUpgrade = (_request, socket) =>
      void socket.end(`HTTP/1.1 401 No\r\n${OURS}\r\nContent-Length: 999\r\n\r\n{`);
    const error = await failure(world.options());
    assert.deepEqual([error.code, error.status, error.problem], ['bastion-unreachable', 401, undefined]);
  });

  await t.test('no connection is left', () => eventually(() => world.connections === 0));
});

test('what cannot be reached, or not trusted', async (t) => {
  const world = await LinkWorld.start();
  t.after(() => world.close());

  await t.test('a refused connection is worth asking again soon', async () => {
    const closed = createServer().listen(0, '127.0.0.1');
    await once(closed, 'listening');
    const { port } = closed.address() as AddressInfo;
    closed.close();
    const error = await failure(world.options({ port }));
    assert.deepEqual([error.code, error.refused, error.problem], ['bastion-unreachable', true, undefined]);
  });

  await t.test('a certificate of another CA is untrusted', async () => {
    const { certificate } = createAuthority({ domain: 'links.localhost', now: Date.now() });
    for (const ca of [certificate, undefined]) {
      const error = await failure({ ...world.options(), ca });
      assert.deepEqual([error.code, error.refused], ['bastion-untrusted', false]);
    }
  });

  await t.test('a certificate for another host is untrusted', async () => {
    const error = await failure(world.options({ url: `wss://other.localhost:${world.port}/_postern/tunnel` }));
    assert.equal(error.code, 'bastion-untrusted');
  });

  await t.test('something that speaks no TLS is unreachable', async () => {
    const plain = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.end('220 mail.example.org ESMTP\r\n');
    });
    plain.listen(0, '127.0.0.1');
    await once(plain, 'listening');
    const error = await failure(world.options({ port: (plain.address() as AddressInfo).port }));
    plain.close();
    assert.equal(error.code, 'bastion-unreachable');
  });

  await t.test('an address that is none, and a header that cannot be sent', async () => {
    assert.equal((await failure(world.options({ url: 'wss://' }))).code, 'bastion-unreachable');
    const error = await failure(world.options({ headers: { authorization: 'Bearer s3cret\n' } }));
    assert.equal(error.code, 'bastion-unreachable');
    assert.ok(!error.message.includes('s3cret'));
  });

  await t.test('an answer with another subprotocol, or none, is no tunnel', async () => {
    world.onUpgrade = (request, socket, head) => {
      delete request.headers['sec-websocket-protocol'];
      void acceptLink(request, socket, head, { headers: {}, maxMessage: MAX_MESSAGE });
    };
    assert.equal((await failure(world.options())).code, 'bastion-unreachable');
  });

  await t.test('no connection is left', () => eventually(() => world.connections === 0));
});

test('times and aborts', async (t) => {
  const world = await LinkWorld.start();
  t.after(() => world.close());

  await t.test('silence is given up after the timeout, also when it dribbles', async () => {
    const dribbles: NodeJS.Timeout[] = [];
    for (const dribble of [false, true]) {
      world.onUpgrade = (_request, socket) => {
        socket.on('error', () => undefined);
        if (!dribble) return;
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n');
        dribbles.push(setInterval(() => void socket.write('x'), 20));
      };
      const started = performance.now();
      const error = await failure(world.options({ timeoutMs: 200 }));
      assert.equal(error.code, 'bastion-unreachable');
      assert.ok(performance.now() - started < 2000);
    }
    for (const dribble of dribbles) clearInterval(dribble);
    await eventually(() => world.connections === 0);
  });

  await t.test('an abort rejects with its reason, before and during', async () => {
    const reason = new PosternError('session-closed');
    assert.equal(await failure(world.options({ signal: AbortSignal.abort(reason) })), reason);
    const abort = new AbortController();
    world.onUpgrade = () => abort.abort(reason);
    assert.equal(await failure(world.options({ signal: abort.signal })), reason);
    await eventually(() => world.connections === 0);
  });

  await t.test('an abort after the 101 touches nothing', async () => {
    const abort = new AbortController();
    world.onUpgrade = (request, socket, head) => void world.accept(request, socket, head);
    const { link } = await dialLink(world.options({ signal: abort.signal }));
    abort.abort();
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.ok(!link.closed && !link.waiting);
    link.destroy(new PosternError('link-closed'));
  });
});

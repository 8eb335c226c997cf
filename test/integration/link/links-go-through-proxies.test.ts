// A link through a CONNECT proxy is a link like any other, and every refusal of the proxy has its code and leaves nothing behind.

import assert from 'node:assert/strict';
import test from 'node:test';

import { createAuthority } from '../../../certs/authority.ts';
import { issueLeaf } from '../../../certs/leaf.ts';
import { PosternError } from '../../../shared/errors.ts';
import { dialLink, type DialOptions } from '../../../shared/link/dial.ts';
import { basicAuthorization, connectThrough, type ConnectOptions } from '../../../shared/net/http-connect.ts';
import { lookup } from '../../../shared/net/resolve.ts';
import { ConnectProxy, type ProxyOptions } from '../../support/connect-proxy.ts';
import { LinkRecorder, numbered } from '../../support/link-recorder.ts';
import { failure, eventually, LinkWorld } from '../../support/link-world.ts';

async function world(
  t: test.TestContext,
  options: ProxyOptions = {},
): Promise<{ world: LinkWorld; proxy: ConnectProxy }> {
  const links = await LinkWorld.start();
  const proxy = await ConnectProxy.start(options);
  t.after(async () => {
    await proxy.close();
    await links.close();
  });
  return { world: links, proxy };
}

type Way = Partial<Pick<ConnectOptions, 'authorization'> & ConnectOptions['proxy']> & { readonly targetPort: number };

function through({ targetPort, authorization, ...proxy }: Way): NonNullable<DialOptions['through']> {
  const target = { host: 'links.localhost', port: targetPort };
  return (signal, timeoutMs) =>
    connectThrough({
      proxy: { host: '127.0.0.1', port: 0, secure: false, ...proxy },
      target,
      authorization,
      lookup,
      signal,
      timeoutMs,
    });
}

const TLS_DOMAIN = 'proxy.localhost';
const authority = createAuthority({ domain: TLS_DOMAIN, now: Date.now() });
const leaf = issueLeaf(authority, { now: Date.now() });
const tls = { cert: leaf.certificate, key: leaf.key };

for (const secure of [false, true])
  test(`messages pass a proxy over ${secure ? 'TLS' : 'TCP'}, and its end is the link's end`, async (t) => {
    const { world: links, proxy } = await world(t, secure ? { tls } : {});
    const way = { host: TLS_DOMAIN, port: proxy.port, secure, ca: authority.certificate, targetPort: links.port };
    const [near, far] = await links.pair({ through: through(way) });
    const [nearRecorder, farRecorder] = [new LinkRecorder(near), new LinkRecorder(far)];
    assert.deepEqual(proxy.asked, [`links.localhost:${links.port}`]);
    for (let i = 0; i < 100; i++) {
      near.send(numbered(i, 60_000));
      far.send(numbered(i, 60_000));
    }
    await eventually(() => nearRecorder.messages.length === 100 && farRecorder.messages.length === 100);
    proxy.cut();
    await eventually(() => nearRecorder.closes.length > 0 && farRecorder.closes.length > 0);
    await eventually(() => links.connections === 0 && proxy.connections === 0);
  });

test('credentials are sent as Basic, and refused ones are told', async (t) => {
  const { world: links, proxy } = await world(t, { credentials: 'alice:s3cret' });
  const way = { port: proxy.port, targetPort: links.port };
  const without = await failure(links.options({ through: through(way) }));
  assert.equal(without.code, 'proxy-credentials');
  assert.match(without.message, /407 Proxy Authentication Required/);
  const wrong = { ...way, authorization: basicAuthorization('alice:wrong') };
  assert.equal((await failure(links.options({ through: through(wrong) }))).code, 'proxy-credentials');
  const right = { ...way, authorization: basicAuthorization('alice:s3cret') };
  const { link } = await dialLink(links.options({ through: through(right) }));
  link.destroy(new PosternError('session-closed'));
});

const HTML = 'Content-Type: text/html\r\nContent-Length: 13\r\n\r\n<h1>No</h1>\r\n';
const ANSWERS: [what: string, text: string | undefined, code: string, says: RegExp][] = [
  ['403 with HTML', `HTTP/1.1 403 Forbidden\r\n${HTML}`, 'proxy-refused', /403 Forbidden/],
  ['401 in place of 407', 'HTTP/1.1 401 Unauthorized\r\n\r\n', 'proxy-credentials', /401/],
  ['500: it cannot get there', 'HTTP/1.1 500 Unable to connect\r\n\r\n', 'bastion-unreachable', /Unable to connect/],
  ['405', 'HTTP/1.1 405 Method Not Allowed\r\n\r\n', 'proxy-refused', /405/],
  ['a redirection', 'HTTP/1.1 302 Found\r\nLocation: http://login\r\n\r\n', 'proxy-refused', /302/],
  ['407 of another scheme', 'HTTP/1.1 407 No\r\nProxy-Authenticate: NTLM\r\n\r\n', 'proxy-credentials', /NTLM/],
  ['503: it cannot get there', `HTTP/1.1 503 Service Unavailable\r\n${HTML}`, 'bastion-unreachable', /503/],
  ['garbage', '\x16\x03\x01garbage', 'proxy-refused', /not HTTP/],
  ['a page without CONNECT', '<html>hello</html>', 'proxy-refused', /not HTTP/],
  ['an endless head', `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(100_000)}`, 'proxy-refused', /longer than/],
  ['half a head', 'HTTP/1.1 200 OK\r\n', 'proxy-refused', /closed/],
  ['nothing but an end', '', 'proxy-refused', /closed/],
  ['silence', undefined, 'proxy-unreachable', /no answer within/],
];

for (const [what, text, code, says] of ANSWERS)
  test(`a proxy that answers with ${what} is told by ${code}, and tried again`, async (t) => {
    const { world: links, proxy } = await world(t);
    proxy.answer = { text };
    const timeoutMs = text === undefined ? 300 : 5000;
    const error = await failure(
      links.options({ timeoutMs, through: through({ port: proxy.port, targetPort: links.port }) }),
    );
    assert.equal(error.code, code);
    assert.match(error.message, says);
    assert.equal(error.entry.agent, 'retry');
    assert.equal(error.problem, undefined);
    await eventually(() => proxy.connections === 0);
  });

test('a proxy that is not there, or not the right one, is told', async (t) => {
  const { world: links, proxy } = await world(t, { tls });
  const dead = await ConnectProxy.start();
  const free = dead.port;
  await dead.close();
  const code = async (way: Omit<Way, 'targetPort'>) =>
    (await failure(links.options({ through: through({ ...way, targetPort: links.port }) }))).code;
  assert.equal(await code({ port: free }), 'proxy-unreachable');
  assert.equal(await code({ host: TLS_DOMAIN, port: proxy.port, secure: true, ca: links.ca }), 'proxy-untrusted');
  assert.equal(
    await code({ host: 'other.localhost', port: proxy.port, secure: true, ca: authority.certificate }),
    'proxy-untrusted',
  );
  // Plain HTTP where TLS is spoken.
  assert.match(await code({ port: proxy.port }), /^proxy-(refused|unreachable)$/);
  await eventually(() => proxy.connections === 0);
});

test("the bastion's own certificate and refusals are judged as without a proxy", async (t) => {
  const { world: links, proxy } = await world(t);
  const way = through({ port: proxy.port, targetPort: links.port });
  assert.equal((await failure(links.options({ through: way, ca: authority.certificate }))).code, 'bastion-untrusted');
  links.onUpgrade = (_request, socket) => socket.end('HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n');
  const refused = await failure(links.options({ through: way }));
  assert.deepEqual([refused.code, refused.status], ['bastion-unreachable', 404]);
  await eventually(() => proxy.connections === 0 && links.connections === 0);
});

test('an abort ends an attempt that waits for the proxy', async (t) => {
  const { world: links, proxy } = await world(t);
  proxy.answer = { text: undefined };
  const abort = new AbortController();
  const way = through({ port: proxy.port, targetPort: links.port });
  const failed = failure(links.options({ signal: abort.signal, through: way }));
  await eventually(() => proxy.asked.length === 1);
  abort.abort(new PosternError('session-closed'));
  assert.equal((await failed).code, 'session-closed');
  await eventually(() => proxy.connections === 0);
});

// Each HTTP/2 request is led and judged by its own authority, whatever connection a browser sends it on.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createSecureContext } from 'node:tls';
import { test } from 'node:test';
import { WebSocketServer } from 'ws';

import { PosternError } from '../../../shared/errors.ts';
import { DOMAIN, frontWorld, HOST, PUBLIC } from '../../support/front-world.ts';
import { answered, http2Visitor } from '../../support/http2-visitor.ts';
import {
  END_HEADERS,
  END_STREAM,
  FRAME,
  GET,
  POST,
  block,
  frame,
  rawHttp2,
  type Pairs,
} from '../../support/http2-frames.ts';

test('requests for several names on one connection go each to its own, with pages where there is none', async () => {
  const admitted: string[] = [];
  const world = await frontWorld(
    { http: (request, response) => response.end(request.headers.host) },
    {
      gate: {
        admit: ({ name, headers }) => {
          admitted.push(`${name} ${headers.host}`);
          if (headers.cookie !== 'mine') throw new PosternError('sign-in-needed');
          return { visitor: 'alice', role: 'owner' as const, groups: [], inject: false, dropAuthorization: false };
        },
        enter: () => '',
      },
    },
  );
  const visitor = await http2Visitor(world);
  const ask = async (authority: string, cookie = 'mine'): Promise<[number, unknown]> => {
    const { status, headers, body } = await visitor.fetch('/', { fields: { ':authority': authority, cookie } });
    return [status, headers['postern-code'] ?? body];
  };
  assert.deepEqual(await ask(HOST), [200, HOST]);
  assert.deepEqual(await ask(`ALICE.${DOMAIN}:8443`), [200, `ALICE.${DOMAIN}:8443`]);
  assert.deepEqual(await ask(HOST, 'not mine'), [401, 'sign-in-needed']);
  assert.deepEqual(await ask(`bob.${DOMAIN}`), [404, 'name-unknown']);
  assert.deepEqual(await ask(`gone.${DOMAIN}`), [503, 'tunnel-absent']);
  assert.deepEqual(await ask('elsewhere.example.com'), [421, 'misdirected']);
  assert.equal((await ask(DOMAIN))[0], 200);
  assert.deepEqual(admitted, [`alice ${HOST}`, `alice ALICE.${DOMAIN}:8443`, `alice ${HOST}`]);
  await world.close();
});

test('a permission that ends cuts what rests on it, also what waits for its turn, and nothing else on the connection', async () => {
  let ended = false;
  const server = createServer((request, response) => {
    if (request.url === '/begun') response.write('begun');
    if (request.url === '/other') response.end('other');
  });
  const sockets = new WebSocketServer({ server });
  const world = await frontWorld(
    { server },
    {
      gate: {
        admit: ({ headers }) => {
          const admission = { ...PUBLIC, visitor: String(headers.cookie) };
          const recheck = (): PosternError | undefined => (ended ? new PosternError('credential-revoked') : undefined);
          return headers.cookie === 'mine' ? { ...admission, recheck } : admission;
        },
        enter: () => '',
      },
    },
  );
  const visitor = await http2Visitor(world);
  const mine = { cookie: 'mine' };
  assert.equal((await visitor.fetch('/other')).body, 'other');
  const connect = { ...mine, ':method': 'CONNECT', ':protocol': 'websocket', 'sec-websocket-version': '13' };
  const webSocket = visitor.open('/ws', connect);
  await once(webSocket, 'response');
  const begun = visitor.open('/begun', mine);
  await once(begun, 'response');
  const cut = [answered(webSocket), answered(begun)];
  const waiting = Array.from({ length: 40 }, () => visitor.fetch('/', { fields: mine }));
  await new Promise((resolve) => visitor.session.ping(resolve));
  ended = true;
  world.front.recheck();
  for (const { reset } of await Promise.all(cut)) assert.notEqual(reset, 0);
  for (const { status, headers } of await Promise.all(waiting))
    assert.deepEqual([status, headers['postern-code']], [401, 'credential-revoked']);
  assert.equal((await visitor.fetch('/other')).body, 'other');
  sockets.close();
  await world.close();
});

test('a name with another certificate is not served on this connection, and is on one of its own', async () => {
  const other = createSecureContext({});
  const world = await frontWorld({ http: (_request, response) => response.end('alice') }, { otherContext: other });
  const visitor = await http2Visitor(world);
  const foreign = `other.${DOMAIN}`;
  const { status, headers } = await visitor.fetch('/', { fields: { ':authority': foreign } });
  assert.deepEqual([status, headers['postern-code']], [421, 'misdirected']);
  assert.equal((await visitor.fetch('/')).body, 'alice', 'the connection goes on');
  await world.close();
});

const without = (name: string): Pairs => GET.filter(([each]) => each !== name);
const replaced = (name: string, value: string): Pairs => GET.map(([each, old]) => [each, each === name ? value : old]);

/** Whatever could be read in two ways as HTTP/1.1: none of it may reach the notebook. */
const AMBIGUOUS: readonly (readonly [what: string, pairs: Pairs])[] = [
  ['Host beside another :authority', [...GET, ['host', `bob.${DOMAIN}`]]],
  ['two Hosts', [...without(':authority'), ['host', HOST], ['host', HOST]]],
  ['neither Host nor :authority', without(':authority')],
  ['an empty :authority', replaced(':authority', '')],
  ['an :authority with userinfo', replaced(':authority', `x@${HOST}`)],
  ['an :authority with a path', replaced(':authority', `${HOST}/x`)],
  ['an :authority with a line end', replaced(':authority', `${HOST}\r\nX: y`)],
  ['two :authority', [...GET, [':authority', HOST]]],
  ['two :path', [...GET, [':path', '/b']]],
  ['two :method', [[':method', 'GET'], ...GET]],
  ['no :method', without(':method')],
  ['no :path', without(':path')],
  ['no :scheme', without(':scheme')],
  ['an empty :path', replaced(':path', '')],
  ['a :path without a slash', replaced(':path', 'x')],
  ['a :path that is a URL', replaced(':path', `https://bob.${DOMAIN}/`)],
  ['a :path with a blank', replaced(':path', '/a b')],
  ['a :path with another request', replaced(':path', '/ HTTP/1.1\r\nHost: x\r\n\r\nGET /')],
  ['a :path with a fragment', replaced(':path', '/a#b')],
  ['a star with GET', replaced(':path', '*')],
  ['a :scheme of plain text', replaced(':scheme', 'http')],
  ['another :scheme', replaced(':scheme', 'ftp')],
  ['a :method with a blank', replaced(':method', 'GET /evil')],
  ['a :method with a line end', replaced(':method', 'GET\r\n')],
  ['an unknown pseudo-header field', [...GET, [':x', 'y']]],
  [':status in a request', [...GET, [':status', '200']]],
  [':protocol without CONNECT', [...GET, [':protocol', 'websocket']]],
  ['a pseudo-header field behind others', [...GET.slice(0, 3), ['x', 'y'], [':path', '/']]],
  ['connection', [...GET, ['connection', 'keep-alive']]],
  ['connection that names a field', [...GET, ['connection', 'x-secret'], ['x-secret', 'y']]],
  ['keep-alive', [...GET, ['keep-alive', 'timeout=5']]],
  ['proxy-connection', [...GET, ['proxy-connection', 'keep-alive']]],
  ['upgrade', [...GET, ['upgrade', 'h2c']]],
  ['transfer-encoding', [...POST, ['transfer-encoding', 'chunked']]],
  ['transfer-encoding with an odd case', [...POST, ['Transfer-Encoding', 'chunked']]],
  ['transfer-encoding identity', [...POST, ['transfer-encoding', 'identity']]],
  ['te other than trailers', [...GET, ['te', 'gzip']]],
  ['two lengths', [...POST, ['content-length', '1'], ['content-length', '2']]],
  ['two equal lengths', [...POST, ['content-length', '0'], ['content-length', '0']]],
  ['a list of lengths', [...POST, ['content-length', '0, 0']]],
  ['a signed length', [...POST, ['content-length', '+0']]],
  ['a hexadecimal length', [...POST, ['content-length', '0x0']]],
  ['a length too long for a number', [...POST, ['content-length', '99999999999999999999']]],
  ['a length without a body', [...POST, ['content-length', '5']]],
  ['an upper-case name', [...GET, ['X-Upper', 'y']]],
];

for (const [what, pairs] of AMBIGUOUS)
  test(`refused before the notebook hears of it: ${what}`, async () => {
    let bytes = 0;
    const world = await frontWorld({
      raw: (socket) => void socket.on('data', (chunk: Buffer) => (bytes += chunk.length)),
    });
    const raw = await rawHttp2(world);
    raw.write(frame(FRAME.headers, END_STREAM | END_HEADERS, 1, block(pairs)));
    const outcome = await raw.find(
      ({ type, stream }) => (stream === 1 && type !== FRAME.windowUpdate) || type === FRAME.goAway,
    );
    assert.ok(outcome !== undefined);
    if (outcome.type === FRAME.headers) {
      const { status } = world.records[0] ?? {};
      assert.ok(status === 400 || status === 421, `status ${status}`);
    } else assert.notEqual(outcome.payload.readUInt32BE(outcome.type === FRAME.reset ? 0 : 4), 0);
    assert.deepEqual([bytes, world.opened.length], [0, 0]);
    await world.close();
  });

/** nghttp2 leaves such fields out, and the request passes without them. */
const LEFT_OUT: readonly (readonly [what: string, pairs: Pairs])[] = [
  ['an empty name', [...GET, ['', 'y']]],
  ['a name with a colon', [...GET, ['a:b', 'y']]],
  ['a name with a blank', [...GET, ['a b', 'y']]],
  ['a name with a line end', [...GET, ['a\r\nb', 'y']]],
  ['a name beyond ASCII', [...GET, ['caf\u00e9', 'y']]],
  ['a value with CR LF', [...GET, ['x', 'y\r\nhost: evil']]],
  ['a value with LF', [...GET, ['x', 'y\nhost: evil']]],
  ['a value with CR', [...GET, ['x', 'y\rhost: evil']]],
  ['a value with NUL', [...GET, ['x', 'y\0z']]],
  ['a value with DEL', [...GET, ['x', 'y\x7fz']]],
  ['a value with a blank in front', [...GET, ['x', ' y']]],
  ['a value with a tab behind', [...GET, ['x', 'y\t']]],
  ['a cookie with a line end', [...GET, ['cookie', 'a=b\r\nx: y']]],
];

for (const [what, pairs] of LEFT_OUT)
  test(`left out, or refused: ${what}`, async () => {
    const seen: string[][] = [];
    const world = await frontWorld({
      http: (request, response) => {
        seen.push(request.rawHeaders);
        response.end();
      },
    });
    const raw = await rawHttp2(world);
    raw.headers(1, pairs);
    const outcome = await raw.find(
      ({ type, stream }) => (stream === 1 && type !== FRAME.windowUpdate) || type === FRAME.goAway,
    );
    assert.ok(outcome !== undefined);
    const expected = ['Host', 'Forwarded', 'X-Forwarded-For', 'X-Forwarded-Host', 'X-Forwarded-Proto'];
    for (const rawHeaders of seen)
      assert.deepEqual(
        rawHeaders.filter((_, index) => index % 2 === 0),
        expected,
      );
    await world.close();
  });

const UPLOADS: readonly (readonly [
  what: string,
  length: string,
  frames: readonly (readonly [text: string, flags: number])[],
])[] = [
  ['more than its length', '3', [['too much', END_STREAM]]],
  [
    'more than its length, bit by bit',
    '3',
    [
      ['too', 0],
      [' much', END_STREAM],
    ],
  ],
  ['less than its length', '30', [['too little', END_STREAM]]],
  ['a body where the length says none', '0', [['x', END_STREAM]]],
];

for (const [what, length, frames] of UPLOADS)
  test(`reset, and never complete for the notebook: ${what}`, async () => {
    let text = '';
    const world = await frontWorld({
      raw: (socket) => void socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1'))),
    });
    const raw = await rawHttp2(world);
    raw.headers(1, [...POST, ['content-length', length]], END_HEADERS);
    for (const [body, flags] of frames) raw.write(frame(FRAME.data, flags, 1, body));
    const ended = await raw.find(({ type }) => type === FRAME.reset || type === FRAME.goAway);
    assert.ok(ended !== undefined);
    while (world.records.length === 0) await new Promise((resolve) => setImmediate(resolve));
    const body = text.split('\r\n\r\n').slice(1).join('');
    assert.ok(length === '0' ? body === '' : body.length < Number(length) || body === 'too', JSON.stringify(text));
    await world.close();
  });

test('Host alone leads too, and the fields of a proxy in between are ours to say', async () => {
  let seen: string[] = [];
  const world = await frontWorld({
    http: (request, response) => {
      seen = request.rawHeaders;
      response.end();
    },
  });
  const raw = await rawHttp2(world);
  raw.headers(1, [
    ...without(':authority'),
    ['host', HOST],
    ['forwarded', 'for=evil'],
    ['x-forwarded-host', 'evil'],
    ['postern-x', 'evil'],
    ['http2-settings', 'evil'],
  ]);
  await raw.find(({ type, stream }) => type === FRAME.headers && stream === 1);
  assert.equal(seen.filter((name) => name.toLowerCase() === 'host').length, 1);
  assert.equal(
    seen.some((text) => text.includes('evil')),
    false,
  );
  await world.close();
});

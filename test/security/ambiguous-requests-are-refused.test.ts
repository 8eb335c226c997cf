// Requests that two parsers could read differently get a coded 400 and never reach the notebook.

import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';

import { everything, frontWorld, HOST } from '../support/front-world.ts';

const HEAD = `POST / HTTP/1.1\r\nHost: ${HOST}\r\n`;

const AMBIGUOUS: Record<string, string> = {
  'two Hosts': `GET / HTTP/1.1\r\nHost: ${HOST}\r\nHost: bob.notebooks.example.org\r\n\r\n`,
  'no Host': 'GET / HTTP/1.1\r\n\r\n',
  'a Host that is none': 'GET / HTTP/1.1\r\nHost: alice@evil\r\n\r\n',
  'Content-Length beside Transfer-Encoding': `${HEAD}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  'Transfer-Encoding beside Content-Length': `${HEAD}Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n`,
  'two lengths': `${HEAD}Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcde`,
  'two equal lengths': `${HEAD}Content-Length: 4\r\nContent-Length: 4\r\n\r\nabcd`,
  'a signed length': `${HEAD}Content-Length: +4\r\n\r\nabcd`,
  'a coding before chunked': `${HEAD}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`,
  'a coding behind chunked': `${HEAD}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n`,
  'an obfuscated coding': `${HEAD}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`,
  'coding in two lines': `${HEAD}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  'a blank before the colon': `${HEAD}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n`,
  'a folded coding': `${HEAD}Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n`,
  'chunks in HTTP/1.0': `POST / HTTP/1.0\r\nHost: ${HOST}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  'bare line feeds': `GET / HTTP/1.1\nHost: ${HOST}\n\n`,
  'a target of another host': `GET https://bob.notebooks.example.org/ HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`,
  'a plain-text target': `GET http://${HOST}/ HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`,
  'a target that is no path': `GET x HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`,
  'an unknown version': `GET / HTTP/3.7\r\nHost: ${HOST}\r\n\r\n`,
  'no HTTP at all': '\x16\x03\x01 what is this\r\n\r\n',
};

for (const [what, bytes] of Object.entries(AMBIGUOUS)) {
  test(`${what}: 400, connection closed, nothing forwarded`, async () => {
    const reached: string[] = [];
    const world = await frontWorld({
      http: (request, response) => {
        reached.push(`${request.method} ${request.url}`);
        response.end('reached');
      },
    });
    const visitor = await world.socket();
    visitor.write(bytes, 'latin1');
    const text = await everything(visitor);
    assert.match(text, /^HTTP\/1\.1 400 [^]*"code":"request-ambiguous"/);
    assert.match(text, /\r\nConnection: close\r\n/i);
    assert.deepEqual(reached, []);
    await world.close();
  });
}

test('a chunk that goes wrong in the middle of an upload ends it as a cut at the notebook, and as 400 for the visitor', async () => {
  const cut = Promise.withResolvers<void>();
  const arrived = Promise.withResolvers<void>();
  const world = await frontWorld({
    http: (request) => {
      arrived.resolve();
      request.on('error', () => cut.resolve());
      request.resume();
    },
  });
  const visitor = await world.socket();
  visitor.write(`${HEAD}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n`);
  await arrived.promise;
  visitor.write('zz\r\nGET /smuggled HTTP/1.1\r\n\r\n');
  assert.match(await everything(visitor), /^HTTP\/1\.1 400 [^]*request-ambiguous/);
  await cut.promise;
  await world.close();
});

test('a chunked DELETE or GET reaches the notebook as exactly one request (CVE-2026-29057)', async () => {
  for (const method of ['DELETE', 'GET', 'OPTIONS']) {
    const reached: string[] = [];
    const world = await frontWorld({
      http: (request, response) => {
        let body = '';
        request.on('data', (chunk: Buffer) => (body += chunk.toString()));
        request.on('end', () => {
          reached.push(`${request.method} ${body.length}`);
          response.end('ok');
        });
      },
    });
    const smuggled = 'GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n';
    const visitor = await world.socket();
    const chunk = `${smuggled.length.toString(16)}\r\n${smuggled}\r\n0\r\n\r\n`;
    visitor.write(
      `${method} / HTTP/1.1\r\nHost: ${HOST}\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n${chunk}`,
    );
    assert.match(await everything(visitor), /^HTTP\/1\.1 200 /);
    assert.deepEqual(reached, [`${method} ${smuggled.length}`]);
    await world.close();
  }
});

test('too large heads are 431 with a page for browsers, too many fields as well', async () => {
  const world = await frontWorld({ raw: () => {} });
  const large = await world.socket();
  large.write(`GET / HTTP/1.1\r\nHost: ${HOST}\r\nAccept: text/html\r\nCookie: ${'x'.repeat(40_000)}\r\n\r\n`);
  assert.match(await everything(large), /^HTTP\/1\.1 431 [^]*header-too-large/);
  const many = await world.socket();
  many.write(`GET / HTTP/1.1\r\nHost: ${HOST}\r\n${'a: b\r\n'.repeat(300)}\r\n`);
  assert.match(await everything(many), /^HTTP\/1\.1 431 /);
  await world.close();
});

test('CONNECT is 405', async () => {
  const world = await frontWorld({ raw: () => {} });
  const visitor = await world.socket();
  visitor.write(`CONNECT evil.org:443 HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`);
  assert.match(await everything(visitor), /^HTTP\/1\.1 405 [^]*method-refused/);
  await world.close();
});

test('garbage instead of TLS, and a name that no certificate covers, harm nobody', async () => {
  const world = await frontWorld({ http: (_request, response) => response.end('fine') });
  for (let round = 0; round < 5; round += 1) {
    const garbage = connect(world.port, '127.0.0.1');
    garbage.write(Buffer.from(Array.from({ length: 300 }, (_, index) => (index * 31 + round) % 256)));
    await everything(garbage);
  }
  assert.equal((await world.fetch('/')).body, 'fine');
  await world.close();
});

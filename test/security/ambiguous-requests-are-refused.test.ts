// One table of requests as raw bytes: each is refused with a code before a byte of it is forwarded, or passes in one reading only.

import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, test } from 'node:test';

import { errorEntry, isErrorCode } from '../../shared/errors.ts';
import { everything, frontWorld, HOST } from '../support/front-world.ts';
import { hygieneWorld } from '../support/hygiene.ts';
import { PASSED, REFUSED } from '../support/request-cases.ts';

const HEAD = `POST / HTTP/1.1\r\nHost: ${HOST}\r\n`;

const world = await hygieneWorld();
after(() => world.close());

for (const [what, bytes, code] of REFUSED)
  test(`${what}: refused (${code}), nothing forwarded`, async () => {
    const { answer, forwarded, requests } = await world.send(bytes);
    assert.ok(isErrorCode(code));
    assert.equal(answer.slice(0, 13), `HTTP/1.1 ${errorEntry(code).status} `);
    assert.ok(answer.includes(`"code":"${code}"`));
    assert.match(answer, /\r\nConnection: close\r\n/i);
    assert.equal(forwarded, '');
    assert.deepEqual(requests, []);
  });

for (const [what, bytes, expected] of PASSED)
  test(`${what}: passes in one reading`, async () => {
    const { forwarded, requests } = await world.send(bytes);
    assert.equal(forwarded, expected);
    // Node's own parser, as the notebook's, finds one request in it (or none: it answers another Expect itself).
    assert.equal(requests.length, /^Expect: (?!100-)/m.test(expected) ? 0 : 1);
  });

test('a chunk that goes wrong in the middle of an upload ends it as a cut at the notebook, and as 400 for the visitor', async () => {
  const cut = Promise.withResolvers<void>();
  const arrived = Promise.withResolvers<void>();
  const front = await frontWorld({
    http: (request) => {
      arrived.resolve();
      request.on('error', () => cut.resolve());
      request.resume();
    },
  });
  const visitor = await front.socket();
  visitor.write(`${HEAD}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n`);
  await arrived.promise;
  visitor.write('zz\r\nGET /smuggled HTTP/1.1\r\n\r\n');
  assert.match(await everything(visitor), /^HTTP\/1\.1 400 [^]*request-ambiguous/);
  await cut.promise;
  await front.close();
});

test('too large heads are 431 with a page for browsers', async () => {
  const front = await frontWorld({ raw: () => {} });
  const large = await front.socket();
  large.write(`GET / HTTP/1.1\r\nHost: ${HOST}\r\nAccept: text/html\r\nCookie: ${'x'.repeat(40_000)}\r\n\r\n`);
  assert.match(await everything(large), /^HTTP\/1\.1 431 [^]*header-too-large/);
  await front.close();
});

test('garbage instead of TLS, and a name that no certificate covers, harm nobody', async () => {
  const front = await frontWorld({ http: (_request, response) => response.end('fine') });
  for (let round = 0; round < 5; round += 1) {
    const garbage = connect(front.port, '127.0.0.1');
    garbage.write(Buffer.from(Array.from({ length: 300 }, (_, index) => (index * 31 + round) % 256)));
    await everything(garbage);
  }
  assert.equal((await front.fetch('/')).body, 'fine');
  await front.close();
});

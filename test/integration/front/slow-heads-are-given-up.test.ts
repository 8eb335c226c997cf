// A visitor who never finishes a request's head is given up; one who takes long over a body is not.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { everything, frontWorld, HOST, until } from '../../support/front-world.ts';

const limits = { headersTimeoutMs: 300 };

test('an unfinished head gets 408 and loses its connection', async () => {
  const world = await frontWorld({ raw: () => {} }, { limits });
  const visitor = await world.socket();
  visitor.write(`GET / HTTP/1.1\r\nHost: ${HOST}\r\nX-Slow: `);
  assert.match(await everything(visitor), /^HTTP\/1\.1 408 [^]*request-timeout/);
  await world.close();
});

test('a body may take longer than any head', async () => {
  const world = await frontWorld({ http: (request, response) => request.pipe(response) }, { limits });
  const slow = await world.socket();
  slow.write(`POST / HTTP/1.1\r\nHost: ${HOST}\r\nContent-Length: 10\r\n\r\nfirst`);
  await until(slow, 'first');
  // Another connection given up for its head shows that the limit has passed in the meantime.
  const other = await world.socket();
  other.write('GET');
  await everything(other);
  slow.write('after');
  assert.match(await until(slow, 'after'), /after/);
  slow.destroy();
  await world.close();
});

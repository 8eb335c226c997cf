// Bodies pass in both directions at the pace of whoever reads, and nothing of them gathers in the bastion.

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { request as httpsRequest } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { test } from 'node:test';

import { frontWorld, whole } from '../../support/front-world.ts';
import { standstill } from '../../support/standstill.ts';

const MEGABYTE = randomBytes(1024 * 1024);
/** More than all buffers between the two ends hold: TLS, two sockets with the kernel's, and Node's. */
const ENOUGH = 64;

test('a download waits for a visitor who does not read, and is whole in the end', async () => {
  let sent = 0;
  const world = await frontWorld({
    http: (_request, response: ServerResponse) => {
      const more = (): void => {
        while (sent < ENOUGH) {
          sent += 1;
          if (!response.write(MEGABYTE)) return void response.once('drain', more);
        }
        response.end();
      };
      more();
    },
  });
  const asked = httpsRequest(world.options('/')).end();
  const [response] = (await once(asked, 'response')) as [IncomingMessage];
  const stalled = await standstill(() => sent);
  assert.ok(stalled < ENOUGH / 2, `${stalled} MiB were taken from the notebook`);
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of response) {
    bytes += (chunk as Buffer).length;
    hash.update(chunk as Buffer);
  }
  const expected = createHash('sha256');
  for (let index = 0; index < ENOUGH; index += 1) expected.update(MEGABYTE);
  assert.equal(bytes, ENOUGH * MEGABYTE.length);
  assert.equal(hash.digest('hex'), expected.digest('hex'));
  await world.close();
});

for (const framing of ['chunked', 'length'] as const) {
  test(`an upload (${framing}) waits for a notebook that does not read, and is whole in the end`, async () => {
    let reading: IncomingMessage | undefined;
    const hash = createHash('sha256');
    const world = await frontWorld({
      http: (request, response) => {
        reading = request;
        request.pause();
        request.on('data', (chunk: Buffer) => hash.update(chunk));
        request.on('end', () => response.end(hash.digest('hex')));
      },
    });
    const headers = framing === 'length' ? { 'content-length': String(ENOUGH * MEGABYTE.length) } : {};
    const asked = httpsRequest(world.options('/', { method: 'PUT', headers }));
    const expected = createHash('sha256');
    let sent = 0;
    const more = (): void => {
      while (sent < ENOUGH) {
        sent += 1;
        expected.update(MEGABYTE);
        if (!asked.write(MEGABYTE)) return void asked.once('drain', more);
      }
      asked.end();
    };
    more();
    const stalled = await standstill(() => sent);
    assert.ok(stalled < ENOUGH / 2, `${stalled} MiB were taken from the visitor`);
    reading?.resume();
    const [response] = (await once(asked, 'response')) as [IncomingMessage];
    assert.equal((await whole(response)).body, expected.digest('hex'));
    assert.equal(world.records[0]?.bytesIn, ENOUGH * MEGABYTE.length);
    await world.close();
  });
}

test('events arrive one by one, as they are sent', async () => {
  let out: ServerResponse | undefined;
  const world = await frontWorld({
    http: (_request, response) => {
      out = response;
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.flushHeaders();
    },
  });
  const asked = httpsRequest(world.options('/events')).end();
  const [response] = (await once(asked, 'response')) as [IncomingMessage];
  for (const event of ['data: 1\n\n', 'data: 2\n\n', 'data: 3\n\n']) {
    out?.write(event);
    const [chunk] = (await once(response, 'data')) as [Buffer];
    assert.equal(chunk.toString(), event);
  }
  out?.end();
  await world.close();
});

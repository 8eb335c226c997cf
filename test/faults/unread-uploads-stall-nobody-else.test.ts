// Uploads that the notebook never reads stand still within their credit, show in the metrics, and stall nobody else.

import assert from 'node:assert/strict';
import { createServer, get } from 'node:http';
import { request } from 'node:https';
import { test } from 'node:test';

import { lookup } from '../../shared/net/resolve.ts';
import { DOMAIN, eventually } from '../support/bastion-world.ts';
import { resumingWorld } from '../support/resuming-world.ts';

const UPLOADS = process.env['POSTERN_FAULTS'] === 'long' ? 90 : 50;
const HOST = `demo.${DOMAIN}`;
/** Initial credit of a stream in this world. */
const CREDIT = 256 * 1024;

function metrics(port: number | undefined): Promise<string> {
  return new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port, path: '/metrics', agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.on('end', () => resolve(text));
    }).on('error', reject);
  });
}

test(`${UPLOADS} uploads that a notebook does not read hold bounded bytes, and others are served`, async (t) => {
  let unread = 0;
  const notebook = createServer((asked, response) => {
    if (asked.method === 'PUT') unread += 1;
    else response.end('hello');
  });
  const world = await resumingWorld(t, notebook);
  const uploads = Array.from({ length: UPLOADS }, () => {
    const asked = request({ host: HOST, port: world.bastion.port, method: 'PUT', ca: world.ca, lookup, agent: false });
    const more = (): void => {
      while (asked.write(Buffer.alloc(65_536)));
    };
    more();
    return asked.on('drain', more).on('error', () => {});
  });
  t.after(() => {
    for (const upload of uploads) upload.destroy();
  });
  await eventually(() => unread === UPLOADS, 'every upload has reached the notebook');
  const session = world.registered.session as unknown as { stats: { bytesIn: number } };
  let stalled = 0;
  while (stalled < UPLOADS) {
    // Each round is somebody else's request, so the others have moved on whenever this is over.
    assert.equal((await world.visit(HOST, '/')).body, 'hello');
    const text = await metrics(world.bastion.adminPort);
    stalled = Number(/^postern_streams_stalled\{direction="out"\} (\d+)$/m.exec(text)?.[1]);
  }
  const { bytesIn } = session.stats;
  for (let count = 0; count < 20; count++) assert.equal((await world.visit(HOST, '/')).body, 'hello');
  assert.ok(session.stats.bytesIn - bytesIn < 20 * 4096, 'what stands still receives nothing more');
  // What the kernel's buffers between agent and notebook took has been read, and no more than a window lies behind it.
  const kernel = 8 * 2 ** 20;
  assert.ok(bytesIn <= UPLOADS * (16 * CREDIT + kernel), `${bytesIn} bytes`);
});

// An upgrade that is not a valid WebSocket handshake rejects, and one whose agent has gone does not hang.

import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { Duplex, PassThrough } from 'node:stream';
import test from 'node:test';

import { acceptLink } from '../../../shared/link/accept.ts';
import { SUBPROTOCOL } from '../../../shared/wire/handshake.ts';

const GOOD = {
  upgrade: 'websocket',
  connection: 'Upgrade',
  'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==',
  'sec-websocket-version': '13',
  'sec-websocket-protocol': SUBPROTOCOL,
};
const OPTIONS = { headers: { 'postern-acceptance': 'e30' }, maxMessage: 65_536 };

function request(headers: object, method = 'GET'): IncomingMessage {
  return { method, url: '/_postern/tunnel', headers } as IncomingMessage;
}

/** A socket that keeps what is written to it. */
function socket(): Duplex & { written: string } {
  const duplex = new Duplex({
    read: () => undefined,
    write: (chunk: Buffer, _encoding, done) => {
      Object.assign(duplex, { written: (duplex as Duplex & { written: string }).written + chunk.toString('latin1') });
      done();
    },
  });
  return Object.assign(duplex, { written: '' });
}

test('a valid upgrade is answered with our headers and our subprotocol', async () => {
  const wire = socket();
  await acceptLink(request(GOOD), wire, Buffer.alloc(0), OPTIONS);
  assert.match(wire.written, /^HTTP\/1.1 101 /);
  assert.match(wire.written, /\r\nSec-WebSocket-Protocol: postern\.1\r\n/);
  assert.match(wire.written, /\r\npostern-acceptance: e30\r\n/);
  assert.doesNotMatch(wire.written, /Extensions/i);
});

for (const [what, headers, method] of [
  ['another method', GOOD, 'POST'],
  ['another upgrade', { ...GOOD, upgrade: 'h2c' }],
  ['no key', { ...GOOD, 'sec-websocket-key': undefined }],
  ['a bad key', { ...GOOD, 'sec-websocket-key': 'AAAA' }],
  ['an old version', { ...GOOD, 'sec-websocket-version': '7' }],
  ['a malformed subprotocol', { ...GOOD, 'sec-websocket-protocol': 'postern.1,,' }],
] as const)
  test(`${what} is refused without an answer`, async () => {
    const wire = socket();
    await assert.rejects(acceptLink(request(headers, method), wire, Buffer.alloc(0), OPTIONS), {
      code: 'registration-malformed',
    });
    assert.equal(wire.written, '');
    assert.ok(!wire.destroyed);
  });

test('an agent that has gone meanwhile rejects with link-closed', async () => {
  const gone = new PassThrough();
  gone.destroy();
  await assert.rejects(acceptLink(request(GOOD), gone, Buffer.alloc(0), OPTIONS), { code: 'link-closed' });
});

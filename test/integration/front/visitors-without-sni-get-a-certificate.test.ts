// A visitor that names no server in its TLS handshake is shown the domain's certificate, and routed by its Host all the same.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { checkServerIdentity, connect } from 'node:tls';

import { frontWorld, HOST } from '../../support/front-world.ts';

test('a handshake without SNI succeeds with the certificate of the domain', async () => {
  const world = await frontWorld({ http: (_request, response) => response.end('hello') });
  const { ca, host, port } = world.options('/');
  // Node sends SNI only for names that are given; the certificate is verified against the name all the same.
  const socket = connect({
    host: String(host),
    port: Number(port),
    ca,
    checkServerIdentity: (_host, certificate) => checkServerIdentity(HOST, certificate),
  });
  await once(socket, 'secureConnect');
  assert.equal(socket.authorized, true);
  socket.write(`GET / HTTP/1.1\r\nHost: ${HOST}\r\nConnection: close\r\n\r\n`);
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  assert.match(Buffer.concat(chunks).toString(), /^HTTP\/1\.1 200 /);
  assert.match(Buffer.concat(chunks).toString(), /hello/);
  await world.close();
});

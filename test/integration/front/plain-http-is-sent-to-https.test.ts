// --redirect-listen: the plain HTTP port sends visitors to HTTPS at the same host, if it is one of ours, and serves nothing.

import assert from 'node:assert/strict';
import { connect } from 'node:net';
import test from 'node:test';
import type { TestContext } from 'node:test';

import { openRedirectPort } from '../../../bastion/front/redirect.ts';
import { everything } from '../../support/front-world.ts';

const DOMAIN = 'notebooks.example.org';

async function ask(t: TestContext, bytes: string, port = 443): Promise<string> {
  const redirect = await openRedirectPort({ host: '127.0.0.1', port: 0 }, { domain: DOMAIN, port: () => port });
  t.after(() => redirect.close());
  const socket = connect(redirect.port, '127.0.0.1');
  socket.write(bytes);
  return everything(socket);
}

const SENT: readonly (readonly [string, string, string])[] = [
  [`alice.${DOMAIN}`, '/lab?x=%2f', `https://alice.${DOMAIN}/lab?x=%2f`],
  [`ALICE--8787.${DOMAIN}.:80`, '/', `https://alice--8787.${DOMAIN}/`],
  [DOMAIN, '//evil.org/', `https://${DOMAIN}//evil.org/`],
];

for (const [host, path, location] of SENT)
  test(`${host}${path} -> ${location}`, async (t) => {
    const text = await ask(t, `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    assert.ok(text.startsWith(`HTTP/1.1 308 Permanent Redirect\r\nLocation: ${location}\r\n`), text);
  });

test('the port of the HTTPS addresses is part of where it leads, and a method stays what it is', async (t) => {
  const text = await ask(t, `POST /x HTTP/1.1\r\nHost: alice.${DOMAIN}:80\r\nContent-Length: 0\r\n\r\n`, 8443);
  assert.ok(text.startsWith(`HTTP/1.1 308 Permanent Redirect\r\nLocation: https://alice.${DOMAIN}:8443/x\r\n`), text);
});

for (const [what, bytes, status] of [
  ['another host', 'GET / HTTP/1.1\r\nHost: evil.org\r\n\r\n', 421],
  ['a host that begins like ours', `GET / HTTP/1.1\r\nHost: alice.${DOMAIN}.evil.org\r\n\r\n`, 421],
  ['a user before the host', `GET / HTTP/1.1\r\nHost: alice.${DOMAIN}@evil.org\r\n\r\n`, 400],
  ['two hosts', `GET / HTTP/1.1\r\nHost: ${DOMAIN}\r\nHost: evil.org\r\n\r\n`, 400],
  ['no host', 'GET / HTTP/1.1\r\n\r\n', 400],
  ['an absolute target', `GET http://evil.org/ HTTP/1.1\r\nHost: ${DOMAIN}\r\n\r\n`, 400],
] as const)
  test(`${what} is sent nowhere (${status})`, async (t) => {
    const text = await ask(t, bytes);
    assert.equal(text.slice(9, 12), String(status));
    assert.ok(!/location/i.test(text));
  });

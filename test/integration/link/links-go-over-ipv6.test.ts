// Bastions and proxies with IPv6 addresses, written as literals and found by name.

import assert from 'node:assert/strict';
import { X509Certificate, createPublicKey, generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { networkInterfaces } from 'node:os';
import test from 'node:test';

import { newSerial } from '../../../certs/authority.ts';
import { signCertificate } from '../../../certs/der.ts';
import { PosternError } from '../../../shared/errors.ts';
import { acceptLink } from '../../../shared/link/accept.ts';
import { dialLink, type DialError } from '../../../shared/link/dial.ts';
import { connectThrough } from '../../../shared/net/http-connect.ts';
import { lookup } from '../../../shared/net/resolve.ts';
import { ConnectProxy } from '../../support/connect-proxy.ts';
import { LinkWorld, MAX_MESSAGE } from '../../support/link-world.ts';

const there = Object.values(networkInterfaces()).some((entries) => entries?.some(({ address }) => address === '::1'));
const options = there ? {} : { skip: 'no ::1 on this machine' };

/** A certificate for the address ::1, signed by itself. */
function literalCertificate(): { cert: string; key: string } {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const publicKey = createPublicKey(privateKey);
  const subject = { commonName: 'loopback' };
  const address = Uint8Array.from({ length: 16 }, (_, index) => (index === 15 ? 1 : 0));
  const cert = signCertificate(
    {
      profile: { kind: 'leaf', names: [{ ip: address }] },
      subject,
      issuer: subject,
      serial: newSerial(),
      notBefore: new Date(Date.now() - 60_000),
      notAfter: new Date(Date.now() + 3_600_000),
      publicKey,
      issuerPublicKey: publicKey,
    },
    privateKey,
  );
  assert.equal(new X509Certificate(cert).subjectAltName, 'IP Address:0:0:0:0:0:0:0:1');
  return { cert, key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string };
}

test('a bastion by its literal address, directly and through a proxy at another', options, async (t) => {
  const certificate = literalCertificate();
  const server = createServer(certificate);
  server.on('upgrade', (request, socket, head) => {
    void acceptLink(request, socket, head, { headers: {}, maxMessage: MAX_MESSAGE });
  });
  server.listen(0, '::1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const proxy = await ConnectProxy.start({ host: '::1', route: () => ({ host: '::1', port }) });
  const links = new LinkWorld();
  t.after(async () => {
    server.close();
    await proxy.close();
  });
  const through = (signal: AbortSignal, timeoutMs: number) =>
    connectThrough({
      proxy: { host: '::1', port: proxy.port, secure: false },
      target: { host: '::1', port },
      lookup,
      signal,
      timeoutMs,
    });
  for (const way of [{}, { through }]) {
    const url = `wss://[::1]:${port}/_postern/tunnel`;
    const { link } = await dialLink({ ...links.options({ port }), url, ca: certificate.cert, ...way });
    link.destroy(new PosternError('session-closed'));
  }
  assert.deepEqual(proxy.asked, [`[::1]:${port}`]);
});

test('a literal address is held against the certificate like a name', options, async (t) => {
  const links = new LinkWorld();
  links.server.listen(0, '::1');
  await once(links.server, 'listening');
  t.after(() => links.close());
  const url = `wss://[::1]:${links.port}/_postern/tunnel`;
  await assert.rejects(dialLink({ ...links.options(), url }), (error: DialError) => error.code === 'bastion-untrusted');
});

test('a name with addresses of both families reaches whichever answers', options, async (t) => {
  const links = new LinkWorld();
  links.server.listen(0, '::1');
  await once(links.server, 'listening');
  t.after(() => links.close());
  const { link } = await dialLink(links.options());
  link.destroy(new PosternError('session-closed'));
  const { port } = links;
  await links.close();
  // Nobody at either: both are told, and it counts as refused.
  await assert.rejects(dialLink(links.options({ port })), (error: DialError) => {
    assert.match(error.message, /127\.0\.0\.1:\d+; .*::1:\d+/);
    return error.refused && error.code === 'bastion-unreachable';
  });
});

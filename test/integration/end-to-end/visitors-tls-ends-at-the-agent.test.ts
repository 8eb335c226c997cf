// TLS from end to end with a whole agent: real programs as visitors, HTTP and WebSockets inside, certificates for exactly its hosts.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TLSSocket } from 'node:tls';

import { WebSocketServer, WebSocket } from 'ws';

import { lookup } from '../../../shared/net/resolve.ts';
import { DOMAIN } from '../../support/bastion-world.ts';
import { endToEndWorld, reachable, type EndToEndWorld } from '../../support/end-to-end-world.ts';

const HOST = `demo.${DOMAIN}`;
const notebook = () =>
  createServer((request, response) => response.end(`${request.headers.host} ${request.headers.authorization ?? '-'}`));

async function everything(socket: TLSSocket): Promise<string> {
  let text = '';
  for await (const chunk of socket) text += String(chunk);
  return text;
}

/** Output of a program that is given standard input and ends by itself. */
async function output(program: string, args: readonly string[], input = ''): Promise<string> {
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'], timeout: 20_000 });
  let text = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (data: string) => (text += data));
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  await once(child, 'close');
  return text;
}

test('the certificate is for the name alone, from the bastion that sees nothing of it', async (t) => {
  const world = await endToEndWorld(t, { notebook: notebook(), args: ['--access', 'public'] });
  const visitor = await reachable(world);
  const { subjectaltname, valid_to: until } = visitor.getPeerCertificate();
  assert.equal(subjectaltname, `DNS:${HOST}`);
  assert.ok(Date.parse(until) <= Date.now() + 3_600_000);
  visitor.end(`GET / HTTP/1.1\r\nHost: ${HOST}\r\nAuthorization: Bearer mine\r\n\r\n`);
  // Nothing is added, dropped or changed on the way.
  assert.match(await everything(visitor), /^HTTP\/1\.1 200 OK\r\n[^]*\r\n\r\ndemo\.notebooks\.localhost Bearer mine$/);
});

test('curl and openssl get through, with TLS 1.2 and 1.3', async (t) => {
  const world = await endToEndWorld(t, { notebook: notebook(), args: ['--access', 'public'] });
  (await reachable(world)).destroy();
  const { port } = world.bastion;
  const ca = join(world.folder, 'ca.pem');
  for (const version of ['1.2', '1.3']) {
    const resolve = ['--resolve', `${HOST}:${port}:127.0.0.1`, '--cacert', ca, '--tls-max', version];
    assert.equal(await output('curl', ['-sS', ...resolve, `https://${HOST}:${port}/`]), `${HOST}:${port} -`, version);
    const client = await output(
      'openssl',
      [
        ...['s_client', '-connect', `127.0.0.1:${port}`, '-servername', HOST, '-CAfile', ca, '-verify_return_error'],
        ...['-verify_hostname', HOST, `-tls${version.replace('.', '_')}`, '-ign_eof'],
      ],
      `GET / HTTP/1.1\r\nHost: ${HOST}\r\nConnection: close\r\n\r\n`,
    );
    assert.match(client, /Verify return code: 0 \(ok\)/);
    assert.match(client, new RegExp(`${HOST} -`));
  }
});

test('a WebSocket goes through', async (t) => {
  const server = notebook();
  const sockets = new WebSocketServer({ server });
  sockets.on('connection', (socket) => socket.on('message', (data: Buffer) => socket.send(`heard ${data.toString()}`)));
  const world = await endToEndWorld(t, { notebook: server, args: ['--access', 'public'] });
  (await reachable(world)).destroy();
  const socket = new WebSocket(`wss://${HOST}:${world.bastion.port}/`, { ca: world.ca, lookup });
  await once(socket, 'open');
  socket.send('you');
  const [answer] = (await once(socket, 'message')) as [Buffer];
  assert.equal(answer.toString(), 'heard you');
  socket.close();
  await once(socket, 'close');
  sockets.close();
});

test('half-closes and megabytes pass, and a slow reader holds the notebook back', async (t) => {
  let written = 0;
  const server = createServer((request, response) => {
    if (request.url === '/echo') return void request.pipe(response);
    const chunk = Buffer.alloc(65_536);
    const more = (): void => {
      do written += chunk.length;
      while (response.write(chunk) && written < 400_000_000);
    };
    response.on('drain', more);
    more();
  });
  const world = await endToEndWorld(t, { notebook: server, args: ['--access', 'public'] });
  const echo = await reachable(world);
  const body = Buffer.alloc(8_000_000, 'postern ');
  const answer = everything(echo);
  echo.write(`POST /echo HTTP/1.0\r\nContent-Length: ${body.length}\r\n\r\n`);
  echo.end(body);
  assert.ok((await answer).endsWith(body.toString()));

  const slow = await world.connect();
  slow.write('GET /endless HTTP/1.1\r\nHost: demo\r\n\r\n');
  await once(slow, 'readable');
  let before = -1;
  while (written > before) {
    before = written;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  assert.ok(written < 60_000_000, `${written} bytes`);
  slow.destroy();
});

test('services have hosts of their own in the same certificate, and nothing else has', async (t) => {
  const other = createServer((_request, response) => response.end('the other'));
  other.listen(0, '127.0.0.1');
  await once(other, 'listening');
  t.after(() => other.close());
  const { port } = other.address() as { port: number };
  const world: EndToEndWorld = await endToEndWorld(t, {
    notebook: notebook(),
    args: ['--access', 'public', '--service', `other=http://127.0.0.1:${port}`, '--allow-port', String(port)],
  });
  (await reachable(world)).destroy();
  for (const host of [`demo--other.${DOMAIN}`, `demo--${port}.${DOMAIN}`]) {
    const visitor = await world.connect(host);
    visitor.end(`GET / HTTP/1.0\r\n\r\n`);
    assert.match(await everything(visitor), /the other$/, host);
  }
  await assert.rejects(world.connect(`demo--nothing.${DOMAIN}`), /unrecognized name/);
  await assert.rejects(world.connect(`demo--1.${DOMAIN}`), /unrecognized name/);
});

test('a notebook that is not there is told inside the TLS', async (t) => {
  const server = notebook();
  const world = await endToEndWorld(t, { notebook: server, args: ['--access', 'public'] });
  (await reachable(world)).destroy();
  server.close();
  server.closeAllConnections();
  const visitor = await world.connect();
  visitor.write(`GET / HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`);
  const answer = await everything(visitor);
  assert.match(answer, /^HTTP\/1\.1 502 Bad Gateway\r\n/);
  assert.match(answer, /\r\npostern-code: upstream-refused\r\n/);
  assert.match(answer, /upstream-refused \(1200\)/);
});

test('a transfer goes on where it was when the tunnel is lost and resumed', async (t) => {
  const body = Buffer.alloc(30_000_000);
  for (let at = 0; at < body.length; at += 4) body.writeUInt32BE(at, at);
  const server = createServer((_request, response) => response.end(body));
  const world = await endToEndWorld(t, { notebook: server, args: ['--access', 'public'] });
  const visitor = await reachable(world);
  visitor.end(`GET / HTTP/1.0\r\n\r\n`);
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of visitor as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    length += chunk.length;
    if (world.relay.cuts < 4 && length > (world.relay.cuts + 1) * 5_000_000) world.relay.cut();
  }
  assert.ok(world.relay.cuts >= 2, `${world.relay.cuts} cuts`);
  assert.ok(Buffer.concat(chunks).subarray(-body.length).equals(body));
});

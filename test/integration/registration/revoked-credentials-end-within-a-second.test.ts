// Tokens taken back by the command line while everything runs: tunnels, requests and WebSockets that rest on them end.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:tls';
import test from 'node:test';

import { lookup } from '../../../shared/net/resolve.ts';
import type { Stream } from '../../../shared/mux/stream.ts';
import { bastionCommand } from '../../support/bastion-command.ts';
import { DOMAIN, bastionWorld } from '../../support/bastion-world.ts';
import type { BastionWorld } from '../../support/bastion-world.ts';

const HOST = `demo.${DOMAIN}`;

/** Makes a token with the command line and answers it with its id. */
async function made(world: BastionWorld, ...more: readonly string[]): Promise<{ token: string; id: string }> {
  const options = ['--state', world.state, '--owner', 'alice', '--name', '*'];
  const token = (await bastionCommand('token', 'create', ...options, ...more)).trim();
  const claims = JSON.parse(Buffer.from(token.split('.')[1] as string, 'base64url').toString()) as { jti: string };
  return { token, id: claims.jti };
}

const revoke = (world: BastionWorld, ...what: readonly string[]): Promise<string> =>
  bastionCommand('token', 'revoke', '--state', world.state, ...what);

test('a tunnel ends within a second after its token was taken back, and its agent is told why', async (t) => {
  const world = await bastionWorld(t);
  const { token, id } = await made(world);
  const agent = await world.agent(token);
  assert.match(
    await bastionCommand('token', 'list', '--state', world.state),
    new RegExp(`\\n${id}\talice\tagent\t\\*\tgood\t`),
  );
  const start = performance.now();
  await revoke(world, '--id', id);
  await agent.session.closed;
  assert.ok(performance.now() - start < 1000, 'within a second');
  assert.deepEqual(
    agent.goAways.map(({ code }) => code),
    ['credential-revoked'],
  );
  assert.equal((await world.visit(HOST, '/')).headers['postern-code'], 'tunnel-absent');
  await assert.rejects(world.agent(token), { code: 'credential-revoked', status: 401 });
  assert.match(await bastionCommand('token', 'list', '--state', world.state), /\trevoked\t/);
  await world.agent((await made(world)).token);
});

test('everything of an owner can be taken back at once', async (t) => {
  const world = await bastionWorld(t);
  const agents = [
    await world.agent(await world.token()),
    await world.agent((await made(world)).token, { names: ['demo-2'] }),
  ];
  const bob = await world.agent(await world.token({ owner: 'bob' }), { names: ['bobs'] });
  await revoke(world, '--owner', 'alice');
  await Promise.all(agents.map(({ session }) => session.closed));
  assert.equal(bob.goAways.length, 0);
});

test('requests and WebSockets of a visitor’s token end when it is taken back', async (t) => {
  const world = await bastionWorld(t);
  const serve = (stream: Stream): void => {
    stream.once('data', (chunk: Buffer) => {
      const upgrade = chunk.toString('latin1').includes('Upgrade: test');
      if (upgrade)
        stream.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: test\r\n\r\nhello');
      else stream.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegun');
    });
  };
  await world.agent(await world.token(), {}, serve);
  const { token, id } = await made(world, '--use', 'visitor');
  const head = `GET / HTTP/1.1\r\nHost: ${HOST}:${world.bastion.port}\r\nAuthorization: Bearer ${token}\r\n`;
  const sockets = [`${head}\r\n`, `${head}Connection: Upgrade\r\nUpgrade: test\r\n\r\n`].map((request) => {
    const socket = connect({ host: HOST, port: world.bastion.port, servername: HOST, ca: world.ca, lookup });
    socket.on('error', () => {});
    t.after(() => socket.destroy());
    socket.write(request);
    return socket;
  });
  for (const socket of sockets) await once(socket, 'data');
  const start = performance.now();
  await revoke(world, '--id', id);
  await Promise.all(sockets.map(async (socket) => socket.resume().closed || (await once(socket, 'close'))));
  assert.ok(performance.now() - start < 1500, 'within a second');
  const headers = { authorization: `Bearer ${token}` };
  assert.equal((await world.visit(HOST, '/', { headers })).headers['postern-code'], 'credential-revoked');
});

test('nothing is taken back by a mistyped id', async (t) => {
  const world = await bastionWorld(t);
  await assert.rejects(revoke(world, '--id', 'mistyped'), { code: 'token-unknown' });
  await assert.rejects(revoke(world), { code: 'options-invalid' });
  await revoke(world, '--id', 'https://issuer.example#1', '--unknown');
});

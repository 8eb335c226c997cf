// Client certificates: with TLS from end to end it is the agent who asks visitors for them.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { test } from 'node:test';
import type { ConnectionOptions, TLSSocket } from 'node:tls';

import { endToEndWorld, reachable } from '../../support/end-to-end-world.ts';
import { visitorCa } from '../../support/visitor-ca.ts';

const GROUP = visitorCa('the group');
const OTHERS = visitorCa('somebody else');
const MEMBER = GROUP.issue('bob');

const REQUEST = 'GET / HTTP/1.0\r\n\r\n';

async function answerTo(socket: TLSSocket): Promise<string> {
  let text = '';
  for await (const chunk of socket) text += String(chunk);
  return text;
}

test('only visitors with a certificate of the CA reach the notebook, new connections and resumed ones', async (t) => {
  let requests = 0;
  const notebook = createServer((_request, response) => {
    requests += 1;
    response.end('welcome');
  });
  const world = await endToEndWorld(t, {
    notebook,
    args: (folder) => {
      writeFileSync(join(folder, 'group.pem'), GROUP.certificate);
      return ['--client-ca', join(folder, 'group.pem')];
    },
  });
  let ticket: Buffer | undefined;
  const member = await reachable(world, undefined, MEMBER);
  member.on('session', (session) => (ticket = session));
  member.end(REQUEST);
  assert.match(await answerTo(member), /welcome$/);
  assert.equal(requests, 1);

  const strangers: Record<string, ConnectionOptions> = {
    'without a certificate, TLS 1.3': {},
    'without a certificate, TLS 1.2': { maxVersion: 'TLSv1.2' },
    'with one of another CA, TLS 1.3': OTHERS.issue('bob'),
    'with one of another CA, TLS 1.2': { ...OTHERS.issue('bob'), maxVersion: 'TLSv1.2' },
  };
  for (const [who, options] of Object.entries(strangers)) {
    const outcome = await world
      .connect(undefined, options)
      .then((socket) => {
        socket.end(REQUEST);
        return answerTo(socket);
      })
      .catch((error: Error) => `refused: ${error.message}`);
    assert.doesNotMatch(outcome, /welcome/, who);
  }
  assert.equal(requests, 1);

  assert.ok(ticket !== undefined);
  const again = await world.connect(undefined, { ...MEMBER, session: ticket });
  assert.ok(again.isSessionReused());
  again.end(REQUEST);
  assert.match(await answerTo(again), /welcome$/);
  assert.equal(requests, 2);
});

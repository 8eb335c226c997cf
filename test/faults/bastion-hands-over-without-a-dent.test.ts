// A new bastion takes over on the same listening socket under load: every request is answered, and WebSockets live on.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { Agent, request } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { test, type TestContext } from 'node:test';

import { lookup } from '../../shared/net/resolve.ts';
import { DOMAIN, eventually } from '../support/bastion-world.ts';
import { handedOver, type HandedOver } from '../support/handed-over.ts';
import { TcpRelay } from '../support/tcp-relay.ts';
import { supervisedAgent, type SupervisedAgent } from '../support/supervised-agent.ts';

const NAMES = ['first', 'second', 'third', 'fourth', 'fifth'];
const VISITORS_OF_EACH_KIND = 5;

/** One way between visitors and bastion: what is on its way when a connection ends is what can be lost. */
const DELAY_MS = 10;

interface Load {
  answered: number;
  readonly failures: string[];
  /** Resolves when the last request is answered. */
  end(): Promise<void>;
}

function notebook(): Server {
  const server = createServer((_request, response) => response.end('hello'));
  server.on('upgrade', (_request, socket: Socket) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n');
    socket.on('error', () => {}).pipe(socket);
  });
  return server.listen(0, '127.0.0.1');
}

function ask(world: HandedOver, name: string, more: { method?: string; agent: Agent | false; headers?: object }) {
  const host = `${name}.${DOMAIN}`;
  return request({ host, port: world.port, path: '/', ca: world.ca(), lookup, ...more, headers: { ...more.headers } });
}

function answer(world: HandedOver, name: string, more: { method: string; agent: Agent | false }): Promise<string> {
  return new Promise((resolve, reject) => {
    const asked = ask(world, name, more);
    asked.on('error', reject);
    asked.on('response', (response: IncomingMessage) => {
      let text = `${response.statusCode} `;
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.on('error', reject).on('end', () => resolve(text));
    });
    asked.end(more.method === 'POST' ? 'body' : undefined);
  });
}

/** Some visitors come anew for each request, some keep their connection; both ask again as soon as they are answered. */
function constantLoad(world: HandedOver): Load {
  let going = true;
  const load: Load = {
    answered: 0,
    failures: [],
    end: async () => void ((going = false), await Promise.all(visitors)),
  };
  const visitor = async (index: number, agent: Agent | false): Promise<void> => {
    for (let count = 0; going; count++) {
      const name = NAMES[(index + count) % NAMES.length] as string;
      const method = count % 3 === 0 ? 'POST' : 'GET';
      const said = await answer(world, name, { method, agent }).catch((error: Error) => error.message);
      if (said === '200 hello') load.answered += 1;
      else load.failures.push(`${method} ${name} ${agent === false ? 'anew' : 'kept'}: ${said.slice(0, 300)}`);
      // A visitor pauses, too: without that, nothing would ever be idle.
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    if (agent !== false) agent.destroy();
  };
  const visitors = Array.from({ length: 2 * VISITORS_OF_EACH_KIND }, (_, index) =>
    visitor(index, index % 2 === 0 ? false : new Agent({ keepAlive: true, maxSockets: 1 })),
  );
  return load;
}

async function agents(t: TestContext, world: HandedOver, links = 1): Promise<SupervisedAgent[]> {
  const upstream = notebook();
  await once(upstream, 'listening');
  const upstreamPort = (upstream.address() as AddressInfo).port;
  const made: SupervisedAgent[] = [];
  const common = { port: world.port, ca: world.ca(), upstreamPort, links };
  for (const name of NAMES) made.push(supervisedAgent({ ...common, name, token: await world.token(name) }));
  t.after(() => {
    for (const agent of made) agent.close();
    upstream.close();
    upstream.closeAllConnections();
  });
  await eventually(() => made.every(({ supervisor }) => supervisor.state === 'serving'), 'all agents have registered');
  return made;
}

test('no request fails while one bastion hands over to the next, and a WebSocket lives until the deadline', async (t) => {
  const world = await handedOver(t, 2, ['--drain-timeout', '6s']);
  const relay = await TcpRelay.start({ target: world.port, delayMs: DELAY_MS });
  t.after(() => relay.close());
  const far = { ...world, port: relay.port };
  const [old, next] = world.bastions as [(typeof world.bastions)[0], (typeof world.bastions)[0]];
  await old.start();
  const moving = await agents(t, world);
  const upgrade = ask(far, 'first', { agent: false, headers: { connection: 'upgrade', upgrade: 'echo' } }).end();
  const [, webSocket] = (await once(upgrade, 'upgrade')) as [IncomingMessage, Socket];
  let echoed = '';
  webSocket.on('error', () => {}).on('data', (chunk: Buffer) => (echoed += String(chunk)));

  const load = constantLoad(far);
  await eventually(() => load.answered > 100, 'the load is under way');
  await next.start();
  const ended = old.stop();
  const moved = (): boolean =>
    moving.every(({ events }) => events.filter((event) => event.startsWith('up ')).length === 2);
  await eventually(moved, 'every agent has moved to the new bastion');
  const before = load.answered;
  await eventually(() => load.answered > before + 100, 'the load goes on at the new bastion');
  webSocket.write('still here');
  await eventually(() => echoed === 'still here', 'the WebSocket lives in the old bastion');
  assert.equal(old.process.exitCode, null);
  await once(webSocket, 'close');
  assert.equal(await ended, 0);
  await load.end();
  assert.deepEqual(load.failures, []);
  for (const { events } of moving)
    assert.deepEqual(
      events.map((event) => event.replace(/ [0-9a-f]{32}$/, '')),
      ['up', 'lost draining', 'up'],
    );
});

test('agents with three links move with all of them, and no request fails', async (t) => {
  const world = await handedOver(t, 2, ['--drain-timeout', '6s']);
  const relay = await TcpRelay.start({ target: world.port, delayMs: DELAY_MS });
  t.after(() => relay.close());
  const [old, next] = world.bastions as [(typeof world.bastions)[0], (typeof world.bastions)[0]];
  await old.start();
  const moving = await agents(t, world, 3);
  const load = constantLoad({ ...world, port: relay.port });
  await eventually(() => load.answered > 100, 'the load is under way');
  await next.start();
  const ended = old.stop();
  const moved = (): boolean =>
    moving.every(({ events }) => events.filter((event) => event.startsWith('up ')).length === 6);
  await eventually(moved, 'every link of every agent has moved to the new bastion');
  const before = load.answered;
  await eventually(() => load.answered > before + 100, 'the load goes on at the new bastion');
  assert.equal(await ended, 0);
  await load.end();
  assert.deepEqual(load.failures, []);
  for (const { events, supervisor } of moving) {
    assert.equal(supervisor.state, 'serving');
    assert.equal(events.filter((event) => event === 'lost draining').length, 3);
    assert.equal(events.length, 9);
  }
});

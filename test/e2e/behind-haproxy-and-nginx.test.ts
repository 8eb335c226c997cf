// The bastion behind a real HAProxy (PROXY v1 and v2) and a real nginx: agents and visitors come through, and are known by their own addresses.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { request } from 'node:https';
import { connect, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { WebSocket, WebSocketServer, type RawData } from 'ws';

import { createAuthority } from '../../certs/authority.ts';
import { issueLeaf } from '../../certs/leaf.ts';
import { Child } from '../../contrib/demo/child.ts';
import { awaitNone, killLeftovers, MARKER } from '../../contrib/demo/leftovers.ts';
import { createToken, freePort, startAgent, startBastion, type Agent, type Run } from '../../contrib/demo/programs.ts';
import { loopbackLookup } from '../../contrib/demo/visitor.ts';
import { programPath } from '../support/browser.ts';
import { builtPrograms, until } from '../support/jupyter-world.ts';

const DOMAIN = 'notebooks.localhost';
const VISITOR = '127.0.0.2';
const missing = (program: string): string | false =>
  programPath(program) !== undefined ? false : `${program} is not installed`;

/** Starts the program in front, which listens on `port` and leads to the bastion at `to`. */
type Front = (at: { folder: string; port: number; to: number; id: string }) => Promise<Child>;

interface Answer {
  readonly status: number;
  readonly body: string;
}

/** A bastion, an agent and a notebook that echoes heads, all behind what `front` starts. */
class World implements AsyncDisposable {
  readonly run: Run;
  readonly port: number;
  readonly agent: Agent;
  readonly ca: string;
  readonly #close: readonly (() => Promise<unknown>)[];

  private constructor(run: Run, port: number, agent: Agent, close: readonly (() => Promise<unknown>)[]) {
    this.run = run;
    this.port = port;
    this.agent = agent;
    this.ca = readFileSync(join(run.folder, 'trust.pem'), 'utf8');
    this.#close = close;
  }

  static async start(front: Front, options: readonly string[]): Promise<World> {
    const folder = mkdtempSync(join(tmpdir(), 'postern-front-'));
    const id = randomBytes(8).toString('hex');
    const run: Run = { programs: await builtPrograms(), id, folder, domain: DOMAIN };
    const [port, to] = [await freePort(0), await freePort(0)];
    const access = ['--access-log', join(folder, 'access.log'), '--public-port', String(port)];
    const bastion = await startBastion(run, to, { extra: [...options, ...access] });
    const trust = join(folder, 'trust.pem');
    writeFileSync(trust, bastion.ca);
    const program = await front({ folder, port, to, id });
    const notebook = await echo();
    const through = { ...bastion, origin: `https://${DOMAIN}:${port}`, caFile: trust };
    const serve = { to: `http://127.0.0.1:${(notebook.address() as AddressInfo).port}` };
    const agent = await startAgent(run, through, {
      name: 'demo',
      tokenFile: await createToken(run, 'alice', 'demo'),
      serve,
    });
    const stop = [() => agent.child.stop(), () => program.stop(), () => bastion.child.stop()];
    return new World(run, port, agent, [...stop, async () => notebook.close()]);
  }

  ask(path: string, headers: Record<string, string> = {}, body?: string): Promise<Answer & { cookie: string }> {
    const options = {
      host: `demo.${DOMAIN}`,
      port: this.port,
      path,
      method: body === undefined ? 'GET' : 'POST',
      headers,
      ca: this.ca,
      lookup: loopbackLookup,
      localAddress: VISITOR,
      agent: false as const,
    };
    return new Promise((resolve, reject) => {
      const asked = request(options, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        const cookie = (response.headers['set-cookie'] ?? []).map((line) => line.split(';', 1)[0]).join('; ');
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body: text, cookie }));
      });
      asked.on('error', reject);
      asked.end(body);
    });
  }

  async enter(): Promise<string> {
    const origin = `https://demo.${DOMAIN}:${this.port}`;
    const headers = { origin, 'content-type': 'application/json' };
    const { status, cookie } = await this.ask(
      '/_postern/enter',
      headers,
      JSON.stringify({ secret: this.agent.secret }),
    );
    assert.equal(status, 204);
    return cookie;
  }

  /** Sends a word through a WebSocket and answers what comes back. */
  webSocket(cookie: string): Promise<string> {
    const origin = `https://demo.${DOMAIN}:${this.port}`;
    return new Promise((resolve, reject) => {
      const options = { headers: { cookie, origin }, ca: this.ca, lookup: loopbackLookup };
      const socket = new WebSocket(`wss://demo.${DOMAIN}:${this.port}/ws`, options);
      socket.once('error', reject);
      socket.once('open', () => socket.send('word'));
      socket.once('message', (data) => {
        resolve(textOf(data));
        socket.close();
      });
    });
  }

  /** The addresses in the access log's lines for this path, as soon as there is one. */
  logged(path: string): Promise<string[]> {
    const file = join(this.run.folder, 'access.log');
    const look = async (): Promise<string[] | undefined> => {
      const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
      const records = lines.filter((line) => line !== '').map((line) => JSON.parse(line) as Record<string, string>);
      const found = records.filter((record) => record['path'] === path).map((record) => String(record['address']));
      return found.length === 0 ? undefined : found;
    };
    return until(look, 10_000, `a line of the access log for ${path}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const close of this.#close) await close();
    const left = await awaitNone(this.run.id, 10_000);
    killLeftovers(this.run.id);
    rmSync(this.run.folder, { recursive: true, force: true });
    if (left.length > 0) throw new Error(`left behind: ${left.map(({ command }) => command).join('; ')}`);
  }
}

async function echo(): Promise<Server> {
  const server = createServer((incoming, response) => response.end(incoming.rawHeaders.join('\n')));
  const sockets = new WebSocketServer({ server });
  sockets.on('connection', (socket) => socket.on('message', (data) => socket.send(`${textOf(data)} back`)));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

function textOf(data: RawData): string {
  return (data as Buffer).toString();
}

function startFront(name: string, command: readonly string[], id: string): Child {
  const [program = '', ...rest] = command;
  return new Child({ name, command: [programPath(program) as string, ...rest], env: { ...process.env, [MARKER]: id } });
}

async function reached(port: number): Promise<void> {
  const attempt = (): Promise<true | undefined> =>
    new Promise((resolve) => {
      const socket = connect(port, '127.0.0.1', () => {
        socket.destroy();
        resolve(true);
      });
      socket.on('error', () => resolve(undefined));
    });
  await until(attempt, 10_000, `something listens on ${port}`);
}

const haproxy =
  (sendProxy: string, check: string): Front =>
  async ({ folder, port, to, id }) => {
    const file = join(folder, 'haproxy.cfg');
    const timeouts = ['connect 5s', 'client 1h', 'server 1h', 'tunnel 1h']
      .map((line) => `  timeout ${line}\n`)
      .join('');
    writeFileSync(
      file,
      `defaults\n  mode tcp\n${timeouts}frontend visitors\n  bind 127.0.0.1:${port}\n  default_backend bastion\n` +
        `backend bastion\n  server one 127.0.0.1:${to} ${sendProxy} check inter 200ms ${check}\n`,
    );
    const child = startFront('haproxy', ['haproxy', '-db', '-f', file], id);
    await reached(port);
    return child;
  };

const nginx: Front = async ({ folder, port, to, id }) => {
  const authority = createAuthority({ domain: DOMAIN, now: Date.now() });
  const leaf = issueLeaf(authority, { now: Date.now() });
  const file = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text, { mode: 0o600 });
    return join(folder, name);
  };
  const trusted = file('bastion-ca.pem', readFileSync(join(folder, 'trust.pem'), 'utf8'));
  appendFileSync(join(folder, 'trust.pem'), authority.certificate);
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `${name}_temp_path ${join(folder, `nginx-${name}`)};`)
    .join(' ');
  const configuration = file(
    'nginx.conf',
    `daemon off; master_process off; error_log ${join(folder, 'nginx.log')}; pid ${join(folder, 'nginx.pid')};
    events {}
    http {
      access_log off; ${temporary}
      map $http_upgrade $connection_upgrade { default upgrade; '' ''; }
      server {
        listen 127.0.0.1:${port} ssl;
        ssl_certificate ${file('nginx.crt', leaf.certificate)};
        ssl_certificate_key ${file('nginx.key', leaf.key)};
        location / {
          proxy_pass https://127.0.0.1:${to};
          proxy_ssl_verify on;
          proxy_ssl_trusted_certificate ${trusted};
          proxy_ssl_server_name on;
          proxy_ssl_name $host;
          proxy_http_version 1.1;
          proxy_set_header Host $http_host;
          proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
          proxy_set_header Upgrade $http_upgrade;
          proxy_set_header Connection $connection_upgrade;
          proxy_buffering off;
          proxy_request_buffering off;
          proxy_read_timeout 1h;
          proxy_send_timeout 1h;
        }
      }
    }`,
  );
  const child = startFront('nginx', ['nginx', '-c', configuration], id);
  await reached(port);
  return child;
};

async function visitorIsKnown(world: World, told: string): Promise<void> {
  const cookie = await world.enter();
  const { status, body } = await world.ask('/echo', { cookie, 'sec-fetch-site': 'none', 'x-forwarded-for': '9.9.9.9' });
  assert.equal(status, 200);
  assert.ok(body.includes(`X-Forwarded-For\n${told}\n`), body);
  assert.deepEqual(await world.logged('/echo'), [told]);
  assert.equal(await world.webSocket(cookie), 'word back');
}

for (const [version, sendProxy, check] of [
  ['v1', 'send-proxy', 'check-send-proxy'],
  ['v2', 'send-proxy-v2', 'check-send-proxy'],
] as const)
  test(`behind HAProxy that sends PROXY ${version}`, { skip: missing('haproxy') }, async () => {
    await using world = await World.start(haproxy(sendProxy, check), ['--proxy-protocol-from', '127.0.0.1']);
    await visitorIsKnown(world, VISITOR);
  });

test('behind nginx as an HTTP proxy', { skip: missing('nginx') }, async () => {
  await using world = await World.start(nginx, ['--trusted-proxy', '127.0.0.1']);
  await visitorIsKnown(world, VISITOR);
});

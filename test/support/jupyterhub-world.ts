// A real JupyterHub behind TLS, with the bastion as one of its services, and a person's part in signing in there.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:https';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import httpProxy from 'http-proxy';
import { Agent, fetch, type Response } from 'undici';

import { createAuthority } from '../../certs/authority.ts';
import { issueLeaf } from '../../certs/leaf.ts';
import { findPython, makeEnvironment, pipInstall } from '../../contrib/demo/python.ts';
import { freePort } from '../../contrib/demo/programs.ts';
import { lookup } from '../../shared/net/resolve.ts';

const DOMAIN = 'hub.localhost';
const FOLDER = join(import.meta.dirname, '..', '..', '.cache', 'jupyterhub');
export const API_TOKEN = 'an-api-token-of-the-tests-0123456789';
export const CLIENT_ID = 'service-bastion';

/** Why there is no JupyterHub on this machine, or undefined when there is; it is installed on first use. */
export async function obtainJupyterHub(): Promise<string | undefined> {
  const program = join(FOLDER, 'bin', 'jupyterhub');
  if (existsSync(program)) return undefined;
  const python = await findPython();
  if (python === undefined) return 'no Python 3 on the path';
  const say = (text: string): void => console.error(text);
  return (await makeEnvironment(python, FOLDER, say)) ?? (await pipInstall(FOLDER, ['jupyterhub==6.1.1'], say));
}

export class JupyterHubWorld implements AsyncDisposable {
  readonly ca: string;
  /** `https://hub.localhost:PORT/hub` */
  readonly hub: string;
  readonly #stop: () => Promise<void>;
  readonly #agent: Agent;

  private constructor(ca: string, hub: string, stop: () => Promise<void>) {
    this.ca = ca;
    this.hub = hub;
    this.#stop = stop;
    this.#agent = new Agent({ connect: { ca, lookup } });
  }

  /** `redirect`: where the hub may send browsers back to. alice and bob may use the service, carol may not. */
  static async start(redirect: string): Promise<JupyterHubWorld> {
    const folder = mkdtempSync(join(tmpdir(), 'postern-hub-'));
    const authority = createAuthority({ domain: DOMAIN, now: Date.now() });
    const leaf = issueLeaf(authority, { now: Date.now() });
    const port = await freePort(0);
    // The hub leaves TLS to what stands in front of it, as at sites.
    const proxy = httpProxy.createProxyServer({ target: `http://127.0.0.1:${port}`, xfwd: true });
    proxy.on('error', (_error, _request, response) => response.destroy());
    const front = createServer({ cert: leaf.certificate, key: leaf.key }, (request, response) =>
      proxy.web(request, response),
    );
    front.listen(0, '127.0.0.1');
    await once(front, 'listening');
    const tlsPort = (front.address() as AddressInfo).port;
    writeFileSync(join(folder, 'config.py'), configuration(folder, { port, tlsPort }, redirect));
    const bin = join(FOLDER, 'bin');
    const child = spawn(join(bin, 'python'), ['-m', 'jupyterhub', '-f', join(folder, 'config.py')], {
      cwd: folder,
      env: {
        ...process.env,
        PATH: `${bin}:${dirname(process.execPath)}:/usr/bin:/bin`,
        JUPYTERHUB_CRYPT_KEY: 'ab'.repeat(32),
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (text: Buffer) => (said += text.toString()));
    const world = new JupyterHubWorld(authority.certificate, `https://${DOMAIN}:${tlsPort}/hub`, async () => {
      proxy.close();
      front.close();
      front.closeAllConnections();
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGKILL');
        await once(child, 'exit');
      }
      rmSync(folder, { recursive: true, force: true });
    });
    try {
      await world.#answers(() => (child.exitCode === null ? undefined : said));
    } catch (error) {
      await world[Symbol.asyncDispose]();
      throw error;
    }
    return world;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#agent.close();
    await this.#stop();
  }

  /** What a person does at the hub: from its authorization address to the address that it sends the browser back to. */
  async signIn(from: string, username: string): Promise<URL> {
    const jar = new Map<string, string>();
    let at = new URL(from);
    for (let step = 0; step < 20; step += 1) {
      const answer = await this.#ask(at, jar);
      const location = answer.headers.get('location');
      const page = await answer.text();
      if (location === null) {
        assert.equal(at.pathname, '/hub/login', `${answer.status} at ${at.href}`);
        const token = /name="_xsrf"\s+value="([^"]+)"/.exec(page)?.[1] ?? '';
        const logged = await this.#ask(at, jar, new URLSearchParams({ username, password: 'any', _xsrf: token }));
        const next = logged.headers.get('location');
        const answered = await logged.text();
        assert.ok(next !== null, `${logged.status} to the login: ${answered}`);
        at = new URL(next, at);
      } else at = new URL(location, at);
      if (at.hostname !== DOMAIN) return at;
    }
    return assert.fail('the hub sends the browser about without end');
  }

  async #ask(at: URL, jar: Map<string, string>, form?: URLSearchParams): Promise<Response> {
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ');
    const answer = await fetch(at, {
      redirect: 'manual',
      dispatcher: this.#agent,
      headers: { cookie, ...(form === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' }) },
      ...(form === undefined ? {} : { method: 'POST', body: form.toString() }),
    });
    for (const line of answer.headers.getSetCookie()) {
      const [pair = ''] = line.split(';');
      const equals = pair.indexOf('=');
      jar.set(pair.slice(0, equals), pair.slice(equals + 1));
    }
    return answer;
  }

  async #answers(ended: () => string | undefined): Promise<void> {
    const end = Date.now() + 60_000;
    for (;;) {
      const words = ended();
      if (words !== undefined) throw new Error(`JupyterHub ended:\n${words}`);
      try {
        const answer = await fetch(`${this.hub}/health`, { dispatcher: this.#agent });
        await answer.body?.cancel();
        if (answer.ok) return;
      } catch {
        // Not listening yet.
      }
      if (Date.now() > end) throw new Error('JupyterHub does not answer');
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

/** The hub alone: nothing is spawned, and nobody needs its proxy, so a proxy that does nothing takes that place. */
function configuration(folder: string, { port, tlsPort }: { port: number; tlsPort: number }, redirect: string): string {
  return `
from jupyterhub.proxy import Proxy
class NoProxy(Proxy):
    should_start = False
    async def add_route(self, routespec, target, data): pass
    async def delete_route(self, routespec): pass
    async def get_all_routes(self): return {}
c.JupyterHub.proxy_class = NoProxy
c.JupyterHub.authenticator_class = 'dummy'
c.Authenticator.allow_all = True
c.JupyterHub.hub_bind_url = 'http://127.0.0.1:${port}'
c.JupyterHub.public_url = 'https://${DOMAIN}:${tlsPort}'
c.JupyterHub.db_url = 'sqlite://'
c.JupyterHub.cookie_secret_file = '${folder}/cookie'
c.JupyterHub.load_groups = {'physics': {'users': ['alice', 'bob']}}
c.JupyterHub.services = [{'name': 'bastion', 'api_token': '${API_TOKEN}', 'oauth_redirect_uri': '${redirect}', 'oauth_no_confirm': True}]
c.JupyterHub.load_roles = [{'name': 'visitors', 'scopes': ['access:services!service=bastion'], 'users': ['alice', 'bob']}]
`;
}

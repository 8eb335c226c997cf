// A real OpenID Connect provider (oidc-provider) over TLS with a throw-away CA, and a browser's part in signing in there.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:https';
import { generateKeyPairSync } from 'node:crypto';
import type { AddressInfo } from 'node:net';

import { Provider } from 'oidc-provider';
import { Agent, fetch, type Response } from 'undici';

import { createAuthority } from '../../certs/authority.ts';
import { issueLeaf } from '../../certs/leaf.ts';
import { lookup } from '../../shared/net/resolve.ts';

export const CLIENT = { id: 'postern', secret: 'a-secret-of-the-tests-0123456789abcdef' };
const DOMAIN = 'idp.localhost';

export interface OidcWorldOptions {
  /** Where the provider may send browsers back to. */
  readonly redirects: readonly string[];
  /** Claims of an account, by its login name; beside `sub`. */
  readonly people?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

export class OidcWorld {
  readonly ca: string;
  readonly issuer: string;
  readonly #server: Server;
  readonly #agent: Agent;
  /** While true the provider answers 503. */
  down = false;

  private constructor(server: Server, ca: string, issuer: string) {
    this.#server = server;
    this.ca = ca;
    this.issuer = issuer;
    this.#agent = new Agent({ connect: { ca, lookup } });
  }

  static async start(options: OidcWorldOptions): Promise<OidcWorld> {
    const authority = createAuthority({ domain: DOMAIN, now: Date.now() });
    const leaf = issueLeaf(authority, { now: Date.now() });
    const server = createServer({ cert: leaf.certificate, key: leaf.key });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const issuer = `https://${DOMAIN}:${(server.address() as AddressInfo).port}`;
    const world = new OidcWorld(server, authority.certificate, issuer);
    const serve = new Provider(issuer, configuration(options)).callback();
    server.on('request', (request, response) => {
      if (world.down) return void response.writeHead(503).end('down');
      void serve(request, response);
    });
    return world;
  }

  async close(): Promise<void> {
    await this.#agent.close();
    this.#server.close();
    this.#server.closeAllConnections();
    if (this.#server.listening) await once(this.#server, 'close');
  }

  /** What a person does at the provider: from its authorization address to the address that it sends the browser back to. */
  async signIn(from: string, login: string): Promise<URL> {
    const jar = new Map<string, string>();
    let at = new URL(from);
    let form: URLSearchParams | undefined;
    for (let step = 0; step < 20; step += 1) {
      const answer = await this.#ask(at, jar, form);
      form = undefined;
      const location = answer.headers.get('location');
      if (location === null) {
        const page = await answer.text();
        const next: string | undefined = /action="([^"]+)"/.exec(page)?.[1];
        assert.ok(next !== undefined, `no form on the provider's page (${answer.status}): ${page.slice(0, 300)}`);
        form = new URLSearchParams(
          page.includes('value="login"') ? { prompt: 'login', login, password: 'any' } : { prompt: 'consent' },
        );
        at = new URL(next, at);
        continue;
      }
      await answer.body?.cancel();
      at = new URL(location, at);
      if (!at.href.startsWith(this.issuer)) return at;
    }
    return assert.fail('the provider sends the browser about without end');
  }

  async #ask(at: URL, jar: Map<string, string>, form: URLSearchParams | undefined): Promise<Response> {
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ');
    const type: Record<string, string> =
      form === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' };
    const init = { redirect: 'manual' as const, headers: { cookie, ...type }, dispatcher: this.#agent };
    const body = form === undefined ? {} : { method: 'POST', body: form.toString() };
    const answer = await fetch(at, { ...init, ...body });
    for (const line of answer.headers.getSetCookie()) {
      const [pair = ''] = line.split(';');
      const equals = pair.indexOf('=');
      jar.set(pair.slice(0, equals), pair.slice(equals + 1));
    }
    return answer;
  }
}

function configuration({ redirects, people = {} }: OidcWorldOptions): Record<string, unknown> {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return {
    clients: [
      {
        client_id: CLIENT.id,
        client_secret: CLIENT.secret,
        redirect_uris: redirects,
        grant_types: ['authorization_code'],
        response_types: ['code'],
      },
    ],
    jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), kid: 'one', use: 'sig', alg: 'RS256' }] },
    cookies: { keys: ['only for tests'] },
    conformIdTokenClaims: false,
    claims: { openid: ['sub', 'eppn', 'email', 'email_verified', 'isMemberOf', 'idp'] },
    findAccount: (_context: unknown, id: string) => ({
      accountId: id,
      claims: () => ({ sub: id, ...people[id] }),
    }),
  };
}

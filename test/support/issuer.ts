// An outside issuer of tokens over TLS, with a CA of its own: discovery, keys that rotate, and failures on demand.

import { generateKeyPairSync } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { exportJWK, SignJWT } from 'jose';

import { createAuthority } from '../../certs/authority.ts';
import { issueLeaf } from '../../certs/leaf.ts';

const DOMAIN = 'issuer.localhost';
export type Algorithm = 'RS256' | 'ES256' | 'EdDSA';

interface Key {
  readonly kid: string;
  readonly alg: Algorithm;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

export class TestIssuer {
  /** Paths that were asked for. */
  readonly asked: string[] = [];
  /** PEM file of its CA. */
  readonly caFile: string;
  /** What its discovery document says beside or instead of the truth. */
  document: Record<string, unknown> = {};
  discovery = '/.well-known/openid-configuration';
  /** Answers everything with 500. */
  failing = false;
  readonly #server: Server;
  #keys: Key[] = [];

  constructor(directory: string) {
    const authority = createAuthority({ domain: DOMAIN, now: Date.now() });
    const leaf = issueLeaf(authority, { now: Date.now() });
    this.caFile = join(directory, 'issuer-ca.pem');
    writeFileSync(this.caFile, authority.certificate);
    this.#server = createServer({ cert: leaf.certificate, key: leaf.key }, (request, response) => {
      this.asked.push(request.url ?? '');
      void this.#answer(request.url ?? '').then(([status, body]) => {
        response.writeHead(status, { 'content-type': 'application/json' });
        response.end(JSON.stringify(body));
      });
    });
    this.rotate('ES256');
  }

  get url(): string {
    return `https://${DOMAIN}:${(this.#server.address() as AddressInfo).port}`;
  }

  listen(): Promise<this> {
    return new Promise((resolve) => this.#server.listen(0, '127.0.0.1', () => resolve(this)));
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  /** From now on it signs with a new key; `keep` says whether the old ones are still published. */
  rotate(alg: Algorithm, keep = false): void {
    const pair =
      alg === 'RS256'
        ? generateKeyPairSync('rsa', { modulusLength: 2048 })
        : alg === 'ES256'
          ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
          : generateKeyPairSync('ed25519');
    const key = { kid: `key-${Math.random()}`, alg, ...pair };
    this.#keys = keep ? [key, ...this.#keys] : [key];
  }

  /** A token signed with the newest key; `undefined` takes a claim away. */
  token(claims: Record<string, unknown> = {}, header: Record<string, string> = {}): Promise<string> {
    const [key] = this.#keys as [Key];
    return this.sign(key.privateKey, claims, { alg: key.alg, kid: key.kid, ...header });
  }

  /** A token signed with any key, under any header. */
  sign(key: KeyObject, claims: Record<string, unknown>, header: { alg: string; kid?: string }): Promise<string> {
    const now = Math.floor(Date.now() / 1000);
    const all = { iss: this.url, aud: 'postern', sub: 'alice', jti: 'j1', iat: now, exp: now + 300, ...claims };
    return new SignJWT(all).setProtectedHeader(header).sign(key);
  }

  /** The public half of the newest key, for those who confuse algorithms. */
  get publicKey(): KeyObject {
    return (this.#keys as [Key])[0].publicKey;
  }

  get kid(): string {
    return (this.#keys as [Key])[0].kid;
  }

  async #answer(path: string): Promise<[number, unknown]> {
    if (this.failing) return [500, {}];
    if (path === this.discovery) return [200, { issuer: this.url, jwks_uri: `${this.url}/keys`, ...this.document }];
    if (path !== '/keys') return [404, {}];
    const keys = this.#keys.map(async ({ publicKey, kid, alg }) => ({ ...(await exportJWK(publicKey)), kid, alg }));
    return [200, { keys: await Promise.all(keys) }];
  }
}

/** Listening; ended and removed with the test. */
export async function startIssuer(t: { after(end: () => void): void }): Promise<TestIssuer> {
  const directory = mkdtempSync(join(tmpdir(), 'postern-'));
  const issuer = await new TestIssuer(directory).listen();
  t.after(() => {
    issuer.close();
    rmSync(directory, { recursive: true });
  });
  return issuer;
}

/** Rules that make `sub` the owner of `OWNER-*`. */
export function rulesFor(issuer: TestIssuer, change: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    issuer: issuer.url,
    audience: 'postern',
    ca: issuer.caFile,
    agent: { scopes: ['notebook.serve'] },
    visitor: { scopes: ['notebook.visit'] },
    owner: { claim: 'sub' },
    names: ['{owner}-*'],
    ...change,
  };
}

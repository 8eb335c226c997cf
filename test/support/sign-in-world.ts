// A bastion whose visitors sign in with a real OpenID Connect provider, and an agent that answers with what it was asked.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

import type { BastionConfig } from '../../bastion/config.ts';
import { freePort } from '../../contrib/demo/programs.ts';
import type { Stream } from '../../shared/mux/stream.ts';
import type { Registration } from '../../shared/wire/handshake.ts';
import { bastionWorld, DOMAIN, hashOf, type BastionWorld, type TestAgent } from './bastion-world.ts';
import { CookieBrowser } from './cookie-browser.ts';
import { CLIENT, OidcWorld } from './oidc-world.ts';

export const PEOPLE = {
  alice: { eppn: 'alice@example.org', isMemberOf: ['staff'] },
  bob: { eppn: 'bob@example.org', isMemberOf: ['physics'] },
  carol: { eppn: 'carol@elsewhere.org', isMemberOf: ['chemistry'] },
};

export interface SignInWorld extends BastionWorld {
  readonly idp: OidcWorld;
  readonly tunnel: TestAgent;
  browser(): CookieBrowser;
  /** A browser in which this person has signed in at the site; it has been to no notebook yet. */
  signedIn(login: keyof typeof PEOPLE): Promise<CookieBrowser>;
  /** Opens the notebook's page as a browser would that sees a sign-in page: goes on to sign in, if that is what it says. */
  visitAs(browser: CookieBrowser, label?: string): Promise<{ status: number; body: string; code: string | undefined }>;
}

/** Ended and removed with the test. The one-time link of `demo` is `one-time`. */
export async function signInWorld(
  t: TestContext,
  registration: Partial<Registration> = {},
  change: Partial<BastionConfig> = {},
): Promise<SignInWorld> {
  const folder = mkdtempSync(join(tmpdir(), 'postern-idp-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  // The provider must know where it may send browsers back to before the bastion listens there.
  const port = await freePort(0);
  const idp = await OidcWorld.start({
    redirects: [`https://auth.${DOMAIN}:${port}/_postern/callback/idp`],
    people: PEOPLE,
  });
  t.after(() => idp.close());
  const write = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text, { mode: 0o600 });
    return join(folder, name);
  };
  write('ca.pem', idp.ca);
  write('secret', CLIENT.secret);
  const provider = {
    id: 'idp',
    kind: 'oidc',
    title: 'The institute',
    issuer: idp.issuer,
    clientId: CLIENT.id,
    secretFile: 'secret',
    ca: 'ca.pem',
  };
  const signInFile = write(
    'sign-in.json',
    JSON.stringify([{ ...provider, account: 'eppn', homeDomain: 'example.org', groups: 'isMemberOf' }]),
  );
  const world = await bastionWorld(t, { listen: { host: '127.0.0.1', port }, signInFile, ...change });
  const offer = { links: [hashOf('one-time')], ...registration };
  const tunnel = await world.agent(await world.token(), offer, echo);
  const browser = (): CookieBrowser => new CookieBrowser(world);
  const signedIn = async (login: string): Promise<CookieBrowser> => {
    const made = browser();
    const { elsewhere } = await made.open(`${made.originOf('auth')}/_postern/sign-in`);
    assert.ok(elsewhere !== undefined);
    const { answer } = await made.open(await idp.signIn(elsewhere.href, login));
    assert.match(answer.body, /You are signed in/);
    return made;
  };
  return { ...world, idp, tunnel, browser, signedIn, visitAs };
}

async function visitAs(
  browser: CookieBrowser,
  label = 'demo',
): Promise<{ status: number; body: string; code: string | undefined }> {
  let { answer } = await browser.open(`${browser.originOf(label)}/lab?x=1`);
  const link = /<a data-sign-in href="([^"]+)"/.exec(answer.body)?.[1];
  if (link !== undefined) ({ answer } = await browser.open(new URL(unescape(link), browser.originOf(label))));
  const code = answer.headers['postern-code'];
  return { status: answer.status, body: answer.body, code: code === undefined ? undefined : String(code) };
}

function unescape(text: string): string {
  return text.replaceAll(/&#(\d+);/g, (_whole, number: string) => String.fromCharCode(Number(number)));
}

/** Answers every request with its own head, upgrades with 101, but `/endless` not at all: that is the test's to do. */
function echo(stream: Stream): void {
  stream.on('data', (chunk: Buffer) => {
    const text = chunk.toString('latin1');
    if (!text.includes(' HTTP/1.1\r\n') || text.includes(' /endless ')) return;
    const key = /sec-websocket-key: (.*)\r\n/i.exec(text)?.[1];
    if (key === undefined) return void stream.write(`HTTP/1.1 200 OK\r\nContent-Length: ${text.length}\r\n\r\n${text}`);
    const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
    const headers = `Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n`;
    stream.write(`HTTP/1.1 101 Switching Protocols\r\n${headers}\r\n`);
  });
}

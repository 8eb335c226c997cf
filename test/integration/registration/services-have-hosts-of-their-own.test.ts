// NAME--PORT and NAME--SERVICE: one agent, many hosts, each with a session of its own that the name's session vouches for.

import assert from 'node:assert/strict';
import test from 'node:test';
import type { TestContext } from 'node:test';

import type { Stream } from '../../../shared/mux/stream.ts';
import type { Registration } from '../../../shared/wire/handshake.ts';
import { DOMAIN, bastionWorld, hashOf } from '../../support/bastion-world.ts';
import type { Answer } from '../../support/bastion-world.ts';

const NAVIGATION = { 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document', 'sec-fetch-site': 'none' };
const OFFER: Partial<Registration> = {
  links: [hashOf('one-time')],
  services: [
    { name: 'web', authorization: 'token notebook-secret' },
    { name: 'tb', authorization: 'Bearer of-tensorboard' },
    { name: 'scheduler', kind: 'tcp', access: 'public' },
  ],
  ports: [[6000, 6010]],
};

/** Answers every request with the service that was asked for and the head. */
function echo(stream: Stream): void {
  stream.on('data', (chunk: Buffer) => {
    const text = `${stream.service}\n${chunk.toString('latin1')}`;
    stream.write(`HTTP/1.1 200 OK\r\nContent-Length: ${text.length}\r\n\r\n${text}`);
  });
}

class Browser {
  readonly #jars = new Map<string, Map<string, string>>();
  readonly #world: Awaited<ReturnType<typeof bastionWorld>>;

  constructor(made: Awaited<ReturnType<typeof bastionWorld>>) {
    this.#world = made;
  }

  cookies(label: string): Map<string, string> {
    const jar = this.#jars.get(label) ?? new Map<string, string>();
    this.#jars.set(label, jar);
    return jar;
  }

  async ask(label: string, path: string, headers: Record<string, string> = NAVIGATION): Promise<Answer> {
    const jar = this.cookies(label);
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ');
    const host = `${label}.${DOMAIN}`;
    const sent = { host: `${host}:${this.#world.bastion.port}`, ...headers, ...(cookie === '' ? {} : { cookie }) };
    const answer = await this.#world.visit(host, path, { headers: sent });
    for (const line of answer.headers['set-cookie'] ?? []) keep(jar, line);
    return answer;
  }

  async enter(label: string, secret: string): Promise<void> {
    const host = `${label}.${DOMAIN}`;
    const origin = `https://${host}:${this.#world.bastion.port}`;
    const headers = { origin, host: origin.slice(8), 'content-type': 'application/json' };
    const body = JSON.stringify({ secret });
    const answer = await this.#world.visit(host, '/_postern/enter', { method: 'POST', headers, body });
    assert.equal(answer.status, 204);
    for (const line of answer.headers['set-cookie'] ?? []) keep(this.cookies(label), line);
  }

  /** Follows redirects as long as they stay on hosts of ours; answers the last one and the labels passed. */
  async follow(label: string, path: string): Promise<{ answer: Answer; way: string[] }> {
    const way: string[] = [];
    for (let [at, target] = [label, path]; way.length < 8;) {
      const answer = await this.ask(at, target);
      way.push(`${at}${target.split('?')[0]}`);
      if (answer.status !== 302) return { answer, way };
      const url = new URL(String(answer.headers.location));
      assert.equal(url.port, String(this.#world.bastion.port));
      assert.ok(url.hostname.endsWith(`.${DOMAIN}`));
      [at, target] = [url.hostname.slice(0, -DOMAIN.length - 1), url.pathname + url.search];
    }
    throw new Error(`a loop: ${way.join(' ')}`);
  }
}

function keep(jar: Map<string, string>, line: string): void {
  const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
  assert.match(line, /; Path=\/; Max-Age=\d+; HttpOnly; Secure; SameSite=Lax$/);
  if (line.includes('Max-Age=0;')) jar.delete(name);
  else jar.set(name, value);
}

async function world(t: TestContext, change: Partial<Registration> = {}) {
  const made = await bastionWorld(t);
  const agent = await made.agent(await made.token(), { ...OFFER, ...change }, echo);
  return { ...made, acceptance: agent.acceptance, browser: new Browser(made) };
}

test('the agent is told under which URLs its services answer', async (t) => {
  const { acceptance, bastion } = await world(t);
  assert.equal(acceptance.serviceUrl, `https://{name}--{service}.${DOMAIN}:${bastion.port}/`);
});

test('who entered at the name reaches its services without entering again, each with a cookie of its own', async (t) => {
  const { browser } = await world(t);
  await browser.enter('demo', 'one-time');
  const { answer, way } = await browser.follow('demo--6006', '/x?y=1&z=%2f');
  assert.equal(answer.status, 200);
  assert.match(answer.body, /^6006\nGET \/x\?y=1&z=%2f HTTP\/1\.1\r\nHost: demo--6006\./);
  assert.ok(!/authorization|cookie/i.test(answer.body));
  assert.deepEqual(way, ['demo--6006/x', 'demo/_postern/pass', 'demo--6006/_postern/arrive', 'demo--6006/x']);
  assert.deepEqual([...browser.cookies('demo--6006').keys()], ['__Host-postern']);
  assert.notDeepEqual(browser.cookies('demo--6006'), browser.cookies('demo'));
  // From now on it needs no redirects, and what is no navigation gets in as well.
  const again = await browser.ask('demo--6006', '/api', { 'sec-fetch-site': 'same-origin' });
  assert.equal(again.status, 200);
});

test('a service of its own gets its own authorization, and never the one of the notebook', async (t) => {
  const { browser } = await world(t);
  await browser.enter('demo', 'one-time');
  const { answer } = await browser.follow('demo--tb', '/');
  assert.match(answer.body, /^tb\n[^]*authorization: Bearer of-tensorboard/i);
  assert.ok(!answer.body.includes('notebook-secret'));
});

test('a cookie of one host opens no other, in either direction', async (t) => {
  const { browser, visit } = await world(t);
  await browser.enter('demo', 'one-time');
  await browser.follow('demo--6006', '/');
  const cookieOf = (label: string): string => `__Host-postern=${browser.cookies(label).get('__Host-postern')}`;
  for (const [from, to] of [
    ['demo', 'demo--6006'],
    ['demo--6006', 'demo'],
    ['demo--6006', 'demo--6007'],
  ] as const)
    assert.equal((await visit(`${to}.${DOMAIN}`, '/', { headers: { cookie: cookieOf(from) } })).status, 401);
});

test('who is not signed in anywhere ends at the page of the name, and goes on after entering there', async (t) => {
  const { browser } = await world(t);
  const { answer, way } = await browser.follow('demo--6006', '/x');
  assert.deepEqual(way, ['demo--6006/x', 'demo/_postern/pass']);
  assert.equal(answer.status, 401);
  await browser.enter('demo', 'one-time');
  assert.equal((await browser.follow('demo--6006', '/x')).answer.status, 200);
});

test('the one-time link may be spent at a service as well', async (t) => {
  const { browser } = await world(t);
  await browser.enter('demo--tb', 'one-time');
  assert.match((await browser.ask('demo--tb', '/')).body, /^tb\n/);
  assert.equal((await browser.ask('demo', '/')).status, 401);
});

test('scripts, sub-resources and forms get the refusal itself, never a redirect', async (t) => {
  const { browser, visit } = await world(t);
  const odd = [
    {},
    { 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'empty' },
    { 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'iframe' },
    { 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'image' },
  ];
  for (const headers of odd) assert.equal((await browser.ask('demo--6006', '/', headers)).status, 401);
  const posted = await visit(`demo--6006.${DOMAIN}`, '/', { method: 'POST', headers: NAVIGATION, body: 'x' });
  assert.equal(posted.status, 401);
});

test('what the agent does not offer over HTTP is unknown, and so is a pass to it', async (t) => {
  const { browser, token, visit } = await world(t);
  const authorization = `Bearer ${await token({ use: 'visitor' })}`;
  const ask = (label: string): Promise<Answer> => visit(`${label}.${DOMAIN}`, '/', { headers: { authorization } });
  // A raw service has its connections passed on as they are: nobody answers there by HTTP.
  for (const label of ['demo--5999', 'demo--6011', 'demo--06006', 'demo--other'])
    assert.match((await ask(label)).body, /service-unknown/, label);
  assert.match((await ask('demo--6010')).body, /^6010\n/);
  assert.match((await ask('nobody--6010')).body, /name-unknown/);
  await browser.enter('demo', 'one-time');
  const pass = await browser.ask('demo', `/_postern/pass?to=scheduler&challenge=${'a'.repeat(43)}&return=/`);
  assert.match(pass.body, /service-unknown/);
});

test('pages of a sign-in are for navigations only, and for the right host', async (t) => {
  const { browser, visit } = await world(t);
  await browser.enter('demo', 'one-time');
  const pass = `/_postern/pass?to=tb&challenge=${'a'.repeat(43)}&return=/`;
  const codeOf = async (...ask: Parameters<Browser['ask']>): Promise<string> =>
    String((await browser.ask(...ask)).headers['postern-code']);
  assert.equal(await codeOf('demo', pass, {}), 'cross-site');
  assert.equal(await codeOf('demo', pass, { ...NAVIGATION, 'sec-fetch-dest': 'iframe' }), 'cross-site');
  assert.equal(await codeOf('demo--tb', pass), 'page-unknown');
  assert.equal(await codeOf('demo', '/_postern/pass?to=tb&challenge=x&return=/'), 'pass-invalid');
  assert.equal(await codeOf('demo', '/_postern/arrive?code=x'), 'pass-invalid');
  assert.equal(await codeOf('demo', '/_postern/arrive/'), 'page-unknown');
  const posted = await visit(`demo.${DOMAIN}`, pass, { method: 'POST', headers: NAVIGATION });
  assert.match(posted.body, /method-refused/);
  // A pass that somebody else's browser got is worth nothing in this one.
  const stolen = await browser.ask('demo', pass);
  const code = new URL(String(stolen.headers.location)).searchParams.get('code');
  assert.equal(await codeOf('demo--tb', `/_postern/arrive?code=${code}`), 'pass-invalid');
});

test('redirects lead to hosts of ours only, whatever the request says', async (t) => {
  const { browser, bastion } = await world(t);
  await browser.enter('demo', 'one-time');
  for (const path of ['//evil.example/', '/%5cevil.example', '/@evil.example/', '/%0d%0aLocation:%20x']) {
    const { answer } = await browser.follow('demo--tb', path);
    assert.ok(answer.body.startsWith(`tb\nGET ${path} HTTP/1.1`), path);
    browser.cookies('demo--tb').clear();
  }
  const odd = await browser.ask('demo', `/_postern/pass?to=tb.evil.example%2f&challenge=${'a'.repeat(43)}&return=/`);
  assert.equal(odd.status, 404);
  const origin = `https://demo--tb.${DOMAIN}:${bastion.port}/_postern/arrive?code=`;
  const sent = await browser.ask(
    'demo',
    `/_postern/pass?to=tb&challenge=${'a'.repeat(43)}&return=https://evil.example/`,
  );
  assert.ok(String(sent.headers.location).startsWith(origin));
});

test('a public name has public services, without redirects and without any authorization', async (t) => {
  const { browser } = await world(t, { access: 'public' });
  const answer = await browser.ask('demo--tb', '/');
  assert.match(answer.body, /^tb\n/);
  assert.ok(!/authorization/i.test(answer.body));
});

// What a browser keeps and sends, for tests without one: a cookie jar for each host, navigations, and redirects between hosts.

import assert from 'node:assert/strict';

import { DOMAIN, type Answer, type BastionWorld } from './bastion-world.ts';

const NAVIGATION = {
  'sec-fetch-mode': 'navigate',
  'sec-fetch-dest': 'document',
  'sec-fetch-site': 'none',
  accept: 'text/html',
};
export const FETCH = { 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'empty', 'sec-fetch-site': 'same-origin' };

/** Where a chain of redirects ended: an answer of ours, or an address elsewhere. */
export interface Arrival {
  readonly answer: Answer;
  readonly label: string;
  readonly path: string;
  readonly elsewhere: URL | undefined;
}

export class CookieBrowser {
  readonly #world: BastionWorld;
  readonly #jars = new Map<string, Map<string, string>>();

  constructor(world: BastionWorld) {
    this.#world = world;
  }

  jar(label: string): Map<string, string> {
    const jar = this.#jars.get(label) ?? new Map<string, string>();
    this.#jars.set(label, jar);
    return jar;
  }

  originOf(label: string): string {
    return `https://${label}.${DOMAIN}:${this.#world.bastion.port}`;
  }

  /** Headers that a request of this browser to the label has, besides. */
  headersFor(label: string, headers: Readonly<Record<string, string>> = {}): Record<string, string> {
    const cookie = [...this.jar(label)].map(([name, value]) => `${name}=${value}`).join('; ');
    return { host: this.originOf(label).slice(8), ...headers, ...(cookie === '' ? {} : { cookie }) };
  }

  async ask(
    label: string,
    path: string,
    {
      headers = NAVIGATION,
      method = 'GET',
      body,
    }: { headers?: Record<string, string>; method?: string; body?: string } = {},
  ): Promise<Answer> {
    const sent = { method, headers: this.headersFor(label, headers), ...(body === undefined ? {} : { body }) };
    const answer = await this.#world.visit(`${label}.${DOMAIN}`, path, sent);
    for (const line of answer.headers['set-cookie'] ?? []) this.#keep(label, line);
    return answer;
  }

  /** A script of a page of the label's own asks in JSON. */
  call(label: string, method: string, path: string, body?: object): Promise<Answer> {
    const headers = {
      ...FETCH,
      origin: this.originOf(label),
      'content-type': 'application/json',
      accept: 'application/json',
    };
    return this.ask(label, path, { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
  }

  /** Opens an address and follows redirects as far as they stay here. */
  async open(url: string | URL): Promise<Arrival> {
    let at = new URL(url);
    for (let step = 0; step < 10; step += 1) {
      const label = this.#labelOf(at);
      const path = at.pathname + at.search;
      const answer = await this.ask(label, path);
      if (answer.status !== 302) return { answer, label, path, elsewhere: undefined };
      at = new URL(String(answer.headers.location), at);
      if (!at.hostname.endsWith(`.${DOMAIN}`)) return { answer, label, path, elsewhere: at };
    }
    return assert.fail('redirects without end');
  }

  async enter(label: string, secret: string): Promise<Answer> {
    return this.call(label, 'POST', '/_postern/enter', { secret });
  }

  #labelOf(url: URL): string {
    assert.equal(url.port, String(this.#world.bastion.port));
    assert.equal(url.protocol, 'https:');
    return url.hostname.slice(0, -DOMAIN.length - 1);
  }

  #keep(label: string, line: string): void {
    const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
    assert.match(line, /^__Host-[^;]+; Path=\/; Max-Age=\d+; HttpOnly; Secure; SameSite=Lax$/);
    assert.ok(line.length < 4096, 'browsers keep no longer cookies');
    if (line.includes('Max-Age=0;')) this.jar(label).delete(name);
    else this.jar(label).set(name, value);
  }
}

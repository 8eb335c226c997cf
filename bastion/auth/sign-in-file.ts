// The file that says where visitors can sign in: read strictly, all problems at once, before the bastion starts.

import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

import { PosternError } from '../../shared/errors.ts';
import { readAuthorities } from '../../shared/net/trust.ts';
import type { ClaimRules } from './person.ts';
import { readSecret } from './secret-files.ts';

interface Common {
  readonly id: string;
  readonly title: string;
  /** PEM; undefined: what Node and the system trust. */
  readonly ca: string | undefined;
  readonly clientId: string;
  /** Reads the file anew; throws PosternError `state-unusable` when others could read it or it is gone. */
  readonly secret: () => string;
}

export interface OidcEntry extends Common {
  readonly kind: 'oidc';
  readonly issuer: string;
  readonly scopes: readonly string[];
  readonly parameters: Readonly<Record<string, string>>;
  readonly userInfo: boolean;
  readonly rules: ClaimRules;
}

export interface JupyterHubEntry extends Common {
  readonly kind: 'jupyterhub';
  readonly hub: string;
  readonly accountDomain: string | undefined;
}

export type SignInEntry = OidcEntry | JupyterHubEntry;

const COMMON_KEYS = ['id', 'kind', 'title', 'ca', 'clientId', 'secretFile'];
const OIDC_KEYS = ['issuer', 'scopes', 'parameters', 'userInfo', 'account', 'homeDomain', 'groups', 'require'];
const HUB_KEYS = ['hub', 'accountDomain'];
const MOST_PROVIDERS = 20;

/** Relative paths in the file are beside it. Throws PosternError `options-invalid` that names every problem. */
export function readSignInFile(path: string): readonly SignInEntry[] {
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(path, 'utf8'));
  } catch (cause) {
    throw new PosternError('options-invalid', `${path}: it cannot be read as JSON`, { cause });
  }
  const problems: string[] = [];
  const list = Array.isArray(json) ? json : [];
  if (list.length === 0 || list.length > MOST_PROVIDERS)
    problems.push(`not a list of 1 to ${MOST_PROVIDERS} providers`);
  const entries = list.map((item: unknown, index) => new EntryReader(item, { path, index, problems }).entry());
  const ids = entries.map(({ id }) => id);
  for (const id of new Set(ids.filter((found, index) => ids.indexOf(found) !== index)))
    problems.push(`two providers have the id ${id}`);
  if (problems.length > 0)
    throw new PosternError('options-invalid', problems.map((text) => `${path}: ${text}`).join('; '));
  return entries;
}

interface Place {
  readonly path: string;
  readonly index: number;
  readonly problems: string[];
}

/** Reads one provider; what is wrong is noted, and something harmless stands in for it until all is read. */
class EntryReader {
  readonly #json: Readonly<Record<string, unknown>>;
  readonly #place: Place;

  constructor(item: unknown, place: Place) {
    this.#place = place;
    const isObject = typeof item === 'object' && item !== null && !Array.isArray(item);
    this.#json = isObject ? (item as Record<string, unknown>) : {};
    if (!isObject) this.#problem('it is not an object');
  }

  entry(): SignInEntry {
    const kind = this.#json['kind'];
    if (kind !== 'oidc' && kind !== 'jupyterhub') this.#problem('kind is neither oidc nor jupyterhub');
    const known = [...COMMON_KEYS, ...(kind === 'jupyterhub' ? HUB_KEYS : OIDC_KEYS)];
    for (const key of Object.keys(this.#json)) if (!known.includes(key)) this.#problem(`${key} is not known`);
    return kind === 'jupyterhub' ? this.#hub() : this.#oidc();
  }

  #common(): Common {
    const id = this.#text('id', /^[a-z0-9]+(-[a-z0-9]+)*$/, 'small letters, digits and hyphens');
    const secretFile = this.#path('secretFile');
    const ca = this.#json['ca'] === undefined ? undefined : this.#path('ca');
    const read = (): string => {
      const secret = readSecret(secretFile)?.trim();
      if (secret === undefined || secret === '')
        throw new PosternError('state-unusable', `${secretFile}: no secret in it`);
      return secret;
    };
    return {
      id,
      title: this.#optional('title') ?? id,
      clientId: this.#text('clientId'),
      ca: ca === undefined ? undefined : this.#tried(() => readAuthorities(ca)),
      secret: this.#tried(() => (read(), read)) ?? read,
    };
  }

  #oidc(): OidcEntry {
    const texts = (key: string, otherwise: readonly string[]): readonly string[] =>
      this.#texts(this.#json[key], key) ?? otherwise;
    const { userInfo = false } = this.#json;
    if (typeof userInfo !== 'boolean') this.#problem('userInfo is neither true nor false');
    const account = this.#json['account'];
    const require = this.#map('require', (value, key) => this.#texts(value, key));
    return {
      ...this.#common(),
      kind: 'oidc',
      issuer: this.#url('issuer'),
      scopes: texts('scopes', []),
      parameters: this.#map('parameters', (value, key) => this.#string(value, key)),
      userInfo: userInfo === true,
      rules: {
        account: typeof account === 'string' ? [account] : texts('account', ['sub']),
        homeDomain: this.#optional('homeDomain'),
        groups: this.#optional('groups'),
        require,
      },
    };
  }

  #hub(): JupyterHubEntry {
    const hub = this.#url('hub').replace(/\/+$/, '');
    return { ...this.#common(), kind: 'jupyterhub', hub, accountDomain: this.#optional('accountDomain') };
  }

  #problem(text: string): undefined {
    this.#place.problems.push(`provider ${this.#place.index + 1}: ${text}`);
  }

  #tried<T>(work: () => T): T | undefined {
    try {
      return work();
    } catch (error) {
      return this.#problem(error instanceof PosternError ? (error.detail ?? error.message) : String(error));
    }
  }

  #string(value: unknown, key: string): string | undefined {
    if (typeof value === 'string' && value !== '' && value.length <= 2000) return value;
    return this.#problem(`${key} is not a text`);
  }

  #text(key: string, form = /./, meaning = 'a text'): string {
    const value = this.#string(this.#json[key], key);
    if (value !== undefined && !form.test(value)) this.#problem(`${key} is not ${meaning}`);
    return value ?? '';
  }

  #optional(key: string): string | undefined {
    return this.#json[key] === undefined ? undefined : this.#string(this.#json[key], key);
  }

  #path(key: string): string {
    return resolve(dirname(this.#place.path), this.#text(key));
  }

  #url(key: string): string {
    const text = this.#text(key);
    const url = URL.canParse(text) ? new URL(text) : undefined;
    // What it answers decides who may come in: nobody in between may change it.
    if (url?.protocol !== 'https:' || url.username !== '' || url.hash !== '')
      this.#problem(`${key} is not an https address`);
    return text;
  }

  #texts(value: unknown, key: string): readonly string[] | undefined {
    if (value === undefined) return undefined;
    const list: unknown[] = typeof value === 'string' ? [value] : Array.isArray(value) ? value : [];
    if (list.length > 0 && list.every((item) => typeof item === 'string' && item !== '')) return list as string[];
    return this.#problem(`${key} is not a list of texts`);
  }

  #map<T>(key: string, item: (value: unknown, key: string) => T | undefined): Readonly<Record<string, T>> {
    const { [key]: value = {} } = this.#json;
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      this.#problem(`${key} is not an object`);
      return {};
    }
    const entries: [string, T][] = [];
    for (const [name, inner] of Object.entries(value)) {
      const read = item(inner, `${key}.${name}`);
      if (read !== undefined) entries.push([name, read]);
    }
    return Object.fromEntries(entries);
  }
}

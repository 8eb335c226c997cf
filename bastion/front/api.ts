// The API at the apex host: a submit host makes, lists and takes back tokens, and reserves names, with a token made for that.

import { STATUS_CODES } from 'node:http';

import { BoundedMap } from '../../shared/bounded-map.ts';
import { PosternError } from '../../shared/errors.ts';
import { TokenBucket } from '../../shared/token-bucket.ts';
import type { Rate } from '../../shared/token-bucket.ts';
import type { Audit } from '../audit.ts';
import type { Attempts } from '../auth/attempts.ts';
import type { Authenticator, Identity } from '../auth/authenticator.ts';
import { bearerCredential } from '../auth/bearer.ts';
import { covers } from '../auth/name-patterns.ts';
import type { TokenBook, TokenState } from '../auth/token-book.ts';
import { coversOwner, withinPatterns } from '../auth/token-limits.ts';
import type { Issuing } from '../auth/token-limits.ts';
import type { NameRecord } from '../store/records.ts';
import type { Ownership } from '../tunnels/ownership.ts';
import { readNameRequest, readTokenRequest } from './api-request.ts';
import { REQUEST_ID_HEADER } from './page-scripts.ts';
import type { Answer } from './refusal.ts';
import { readSmallBody } from './small-body.ts';
import type { FrontVisit } from './visit.ts';

export const API_PREFIX = '/_postern/api/';
const MAX_BODY = 16 * 1024;
const REMEMBERED_CALLERS = 10_000;

export interface ApiOptions {
  readonly authenticator: Authenticator;
  readonly book: TokenBook;
  readonly ownership: Ownership;
  readonly audit: Audit;
  /** Wrong credentials from one address. */
  readonly attempts: Attempts;
  /** Calls with one token. */
  readonly rate: Rate;
  /** Whether a tunnel serves the name now. */
  isConnected(name: string): boolean;
  /** Unix milliseconds. */
  readonly now?: () => number;
}

/** Who calls, and what their token lets them do. */
interface Caller {
  readonly identity: Identity;
  readonly issuing: Issuing;
}

interface Call extends Caller {
  readonly visit: FrontVisit;
  readonly query: URLSearchParams;
}

export class Api {
  readonly #options: ApiOptions;
  readonly #now: () => number;
  readonly #calls = new BoundedMap<string, TokenBucket>(REMEMBERED_CALLERS);

  constructor(options: ApiOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
  }

  /**
   * Rejects with PosternError: credential-missing, -invalid, -expired, -revoked, -limit, api-limit, api-malformed,
   * not-grantable, page-unknown, method-refused, name-taken, name-invalid, name-unknown, token-unknown, body-too-large.
   */
  async answer(visit: FrontVisit, target: string): Promise<Answer> {
    if (visit.upgrade) throw new PosternError('page-unknown');
    const [path = '', query = ''] = target.slice(API_PREFIX.length).split('?', 2);
    const [kind = '', id, ...more] = path.split('/').map(decoded);
    const call = { ...(await this.#caller(visit)), visit, query: new URLSearchParams(query) };
    if (more.length === 0 && kind === 'tokens') return this.#tokens(call, id);
    if (more.length === 0 && kind === 'names') return this.#names(call, id);
    throw new PosternError('page-unknown');
  }

  async #caller({ headers, host }: FrontVisit): Promise<Caller> {
    const { attempts, authenticator, rate } = this.#options;
    if (!attempts.allowed(host.address)) throw new PosternError('credential-limit');
    const credential = bearerCredential(headers.authorization);
    if (credential === undefined)
      throw new PosternError(headers.authorization === undefined ? 'credential-missing' : 'credential-invalid');
    try {
      const identity = await authenticator.authenticate(credential, 'api');
      if (identity?.issuing === undefined) throw new PosternError('credential-invalid');
      const bucket = this.#calls.get(identity.id) ?? new TokenBucket(rate, this.#now);
      this.#calls.set(identity.id, bucket);
      if (!bucket.take()) throw new PosternError('api-limit');
      return { identity, issuing: identity.issuing };
    } catch (error) {
      if (error instanceof PosternError && error.code === 'credential-invalid') attempts.failed(host.address);
      throw error;
    }
  }

  async #tokens(call: Call, id: string | undefined): Promise<Answer> {
    const { method } = call.visit;
    if (id === undefined && method === 'POST') return this.#makeToken(call);
    if (id === undefined && method === 'GET') return this.#listTokens(call);
    if (id !== undefined && method === 'DELETE') return this.#revokeToken(call, id);
    throw new PosternError('method-refused', `${method} here`);
  }

  async #makeToken({ identity, issuing, visit }: Call): Promise<Answer> {
    const request = readTokenRequest(await readSmallBody(visit.body, MAX_BODY));
    const { owner, names, use, ttlMs } = request;
    if (!coversOwner(issuing.owners, owner)) throw new PosternError('not-grantable', `the owner ${owner}`);
    if (!issuing.uses.includes(use)) throw new PosternError('not-grantable', `the use ${use}`);
    if (ttlMs > issuing.maxTtlMs) throw new PosternError('not-grantable', 'such a long life');
    const beyond = names.find((name) => !withinPatterns(identity.names, name));
    if (beyond !== undefined) throw new PosternError('not-grantable', `the name ${beyond}`);
    const { token, id, expires } = await this.#options.book.create(request, identity.id);
    return json(visit, 201, { id, token, owner, names, use, expires: timeOf(expires) });
  }

  #listTokens({ issuing, visit, query }: Call): Answer {
    const owner = query.get('owner') ?? undefined;
    const tokens = this.#options.book.list(owner).filter((token) => coversOwner(issuing.owners, token.owner));
    return json(visit, 200, { tokens: tokens.map((token) => this.#shownToken(token)) });
  }

  #revokeToken({ identity, issuing, visit }: Call, id: string): Answer {
    const { book } = this.#options;
    const record = book.find(id);
    // Another's token is none of the caller's business, and neither is whether there is one. Its own it may end.
    const theirs = record !== undefined && (coversOwner(issuing.owners, record.owner) || id === identity.id);
    if (!theirs || (record.use === 'api' && id !== identity.id)) throw new PosternError('token-unknown', id);
    book.revoke(id, identity.id);
    return json(visit, 204, undefined);
  }

  async #names(call: Call, name: string | undefined): Promise<Answer> {
    const { method } = call.visit;
    if (name === undefined && method === 'POST') return this.#reserveName(call);
    if (name !== undefined && method === 'GET')
      return json(call.visit, 200, this.#shownName(this.#ownName(call, name)));
    if (name !== undefined && method === 'DELETE') return this.#releaseName(call, name);
    throw new PosternError('method-refused', `${method} here`);
  }

  async #reserveName({ identity, issuing, visit }: Call): Promise<Answer> {
    const { name, owner } = readNameRequest(await readSmallBody(visit.body, MAX_BODY));
    const { ownership, audit } = this.#options;
    if (!coversOwner(issuing.owners, owner)) throw new PosternError('not-grantable', `the owner ${owner}`);
    if (!covers(identity.names, name)) throw new PosternError('not-grantable', `the name ${name}`);
    if (ownership.reservation(name)?.held !== true && ownership.room(owner) < 1) throw new PosternError('name-limit');
    const record = ownership.reserve(name, owner);
    audit.record({ event: 'name-reserved', name, owner, by: identity.id, address: visit.host.address });
    return json(visit, 201, this.#shownName(record));
  }

  #releaseName(call: Call, name: string): Answer {
    const { owner } = this.#ownName(call, name);
    const { ownership, audit } = this.#options;
    ownership.release(name);
    const { identity, visit } = call;
    audit.record({ event: 'name-released', name, owner, by: identity.id, address: visit.host.address });
    return json(visit, 204, undefined);
  }

  /** A name of an owner whom the caller acts for; another's is unknown here. */
  #ownName({ issuing }: Call, name: string): NameRecord {
    const record = this.#options.ownership.show(name);
    if (record?.owner === undefined || !coversOwner(issuing.owners, record.owner))
      throw new PosternError('name-unknown', name);
    return record;
  }

  #shownToken({ id, owner, names, use, created, expires, revoked, by }: TokenState): object {
    const state = revoked ? 'revoked' : expires <= this.#now() ? 'expired' : 'good';
    return { id, owner, names, use, state, created: timeOf(created), expires: timeOf(expires), by };
  }

  #shownName({ name, owner, since, lastUsed, released }: NameRecord): object {
    const state = released === undefined ? 'held' : 'released';
    const connected = this.#options.isConnected(name);
    return { name, owner, state, connected, since: timeOf(since), lastUsed: timeOf(lastUsed) };
  }
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw new PosternError('page-unknown');
  }
}

function timeOf(at: number): string {
  return new Date(at).toISOString();
}

/** Without a value, without a body. */
function json({ requestId }: FrontVisit, status: number, value: object | undefined): Answer {
  const body = Buffer.from(value === undefined ? '' : `${JSON.stringify(value)}\n`);
  const type = value === undefined ? [] : ['Content-Type', 'application/json', 'Content-Length', String(body.length)];
  const headers = [
    ...type,
    'Cache-Control',
    'no-store',
    'X-Content-Type-Options',
    'nosniff',
    REQUEST_ID_HEADER,
    requestId,
  ];
  return { status, reason: STATUS_CODES[status] ?? '', headers, body };
}

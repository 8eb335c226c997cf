// Signing in with a JupyterHub as OAuth provider: the bastion is one of the hub's services (interfaces: services/auth.py).

import { createHash, randomBytes } from 'node:crypto';

import { PosternError } from '../../shared/errors.ts';
import type { OutsideFetch } from './outside-fetch.ts';
import { ClaimsProblem, personOf, type Person } from './person.ts';
import type { Return, SignInProvider } from './sign-in-provider.ts';

export interface JupyterHubOptions {
  readonly id: string;
  readonly title: string;
  /** `https://hub.example.org/hub`, without a slash at the end. */
  readonly hub: string;
  /** `service-bastion` for a service called `bastion`. */
  readonly clientId: string;
  /** The service's API token, read anew for each use; a secret. */
  readonly apiToken: () => string;
  /** Domain that is added to the hub's user names, if they are not the owners of this site: `alice@hub.example.org`. */
  readonly accountDomain?: string | undefined;
  readonly fetch: OutsideFetch;
}

export function jupyterHubProvider(options: JupyterHubOptions): SignInProvider {
  return {
    id: options.id,
    title: options.title,
    begin: (redirect) => {
      const [state, verifier] = [random(), random()];
      const query = new URLSearchParams({
        client_id: options.clientId,
        redirect_uri: redirect,
        response_type: 'code',
        state,
        code_challenge: createHash('sha256').update(verifier).digest('base64url'),
        code_challenge_method: 'S256',
      });
      const url = `${options.hub}/api/oauth2/authorize?${query.toString()}`;
      return Promise.resolve({ url, kept: { state, verifier } });
    },
    finish: (back) => arrive(options, back),
  };
}

async function arrive(options: JupyterHubOptions, { url, kept }: Return): Promise<Person> {
  const { state, verifier } = kept;
  const asked = url.searchParams;
  if (typeof state !== 'string' || typeof verifier !== 'string' || asked.get('state') !== state)
    throw new PosternError('sign-in-broken');
  if (asked.has('error')) throw new PosternError('sign-in-refused');
  const form = new URLSearchParams({
    client_id: options.clientId,
    client_secret: options.apiToken(),
    grant_type: 'authorization_code',
    code: asked.get('code') ?? '',
    redirect_uri: `${url.origin}${url.pathname}`,
    code_verifier: verifier,
  });
  const tokens = await ask(options, '/api/oauth2/token', { method: 'POST', body: form.toString() });
  const token = tokens['access_token'];
  if (typeof token !== 'string') throw new PosternError('sign-in-broken');
  const user = await ask(options, '/api/user', { headers: { authorization: `token ${token}` } });
  mustHaveAccess(user['scopes'], options.clientId);
  return personFrom(user, options);
}

/** The hub says who may use the service (`access:services!service=bastion`): a user without is no visitor of ours. */
function mustHaveAccess(scopes: unknown, clientId: string): void {
  const service = clientId.replace(/^service-/, '');
  const enough = new Set(['access:services', `access:services!service=${service}`]);
  if (!Array.isArray(scopes) || !scopes.some((scope) => enough.has(String(scope))))
    throw new PosternError('sign-in-refused', 'the hub does not let this user use the service');
}

function personFrom(user: Readonly<Record<string, unknown>>, options: JupyterHubOptions): Person {
  const { name, kind, groups } = user;
  if (kind !== 'user' || typeof name !== 'string') throw new PosternError('sign-in-refused', 'this is no user');
  const account = options.accountDomain === undefined ? name : `${name}@${options.accountDomain}`;
  try {
    return personOf({ account, groups }, { account: ['account'], groups: 'groups', require: {} }, options.id);
  } catch (cause) {
    if (!(cause instanceof ClaimsProblem)) throw cause;
    throw new PosternError('sign-in-refused', cause.message, { cause });
  }
}

/** One call of the hub's API; what it says when it refuses goes to the log only. */
async function ask(
  { hub, fetch }: JupyterHubOptions,
  path: string,
  init: { method?: string; body?: string; headers?: Record<string, string> },
): Promise<Record<string, unknown>> {
  const type: Record<string, string> =
    init.body === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' };
  let status: number;
  let text: string;
  try {
    const answer = await fetch(`${hub}${path}`, { ...init, headers: { ...type, ...init.headers } });
    status = answer.status;
    text = await answer.text();
  } catch (cause) {
    throw new PosternError('sign-in-unavailable', undefined, { cause });
  }
  if (status >= 500) throw new PosternError('sign-in-unavailable', `the hub answered ${status}`);
  if (status !== 200) throw new PosternError('sign-in-broken', `the hub answered ${status}`);
  try {
    const json: unknown = JSON.parse(text);
    if (typeof json === 'object' && json !== null) return json as Record<string, unknown>;
  } catch {
    // Said below: the text may hold a token.
  }
  throw new PosternError('sign-in-broken', 'the hub did not answer in JSON');
}

function random(): string {
  return randomBytes(32).toString('base64url');
}

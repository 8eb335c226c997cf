// Signing in with any OpenID Connect provider: CILogon, Keycloak, Entra, an institute's own.

import * as oidc from 'openid-client';

import { PosternError } from '../../shared/errors.ts';
import type { OutsideFetch } from './outside-fetch.ts';
import { ClaimsProblem, personOf, type ClaimRules, type Person } from './person.ts';
import type { Departure, Return, SignInProvider } from './sign-in-provider.ts';

export interface OidcOptions {
  readonly id: string;
  readonly title: string;
  /** `https://cilogon.org`: where discovery begins. */
  readonly issuer: string;
  readonly clientId: string;
  /** Read anew for each use, so that it can be replaced on disk; a secret. */
  readonly clientSecret: () => string;
  /** Beside `openid`. */
  readonly scopes: readonly string[];
  /** More parameters of the authorization request: `selected_idp` for CILogon, `prompt`, `acr_values`. */
  readonly parameters: Readonly<Record<string, string>>;
  /** Claims of the user-info endpoint count too; for providers that put little into the token. */
  readonly userInfo: boolean;
  readonly rules: ClaimRules;
  readonly fetch: OutsideFetch;
}

/** Discovery and keys are asked for again after this long, in milliseconds; unknown keys at once. */
const CONFIGURATION_MS = 3_600_000;

/** A provider that is found by discovery when somebody first signs in, not when the bastion starts. */
export function oidcProvider(options: OidcOptions): SignInProvider {
  let known: { configuration: Promise<oidc.Configuration>; until: number; secret: string } | undefined;
  const configuration = (): Promise<oidc.Configuration> => {
    const secret = options.clientSecret();
    if (known !== undefined && known.until > Date.now() && known.secret === secret) return known.configuration;
    const found = discover(options, secret);
    known = { configuration: found, until: Date.now() + CONFIGURATION_MS, secret };
    found.catch(() => (known = undefined));
    return found;
  };
  return {
    id: options.id,
    title: options.title,
    begin: async (redirect) => depart(await reached(configuration), options, redirect),
    finish: async (back) => arrive(await reached(configuration), options, back),
  };
}

function discover(options: OidcOptions, secret: string): Promise<oidc.Configuration> {
  return oidc.discovery(new URL(options.issuer), options.clientId, undefined, oidc.ClientSecretBasic(secret), {
    // The ID token's signature is verified although it comes over TLS from its issuer: it costs nothing that is felt.
    execute: [oidc.enableNonRepudiationChecks],
    [oidc.customFetch]: options.fetch as oidc.CustomFetch,
    timeout: 10,
  });
}

async function reached(configuration: () => Promise<oidc.Configuration>): Promise<oidc.Configuration> {
  try {
    return await configuration();
  } catch (cause) {
    if (cause instanceof PosternError) throw cause;
    throw new PosternError('sign-in-unavailable', undefined, { cause });
  }
}

async function depart(configuration: oidc.Configuration, options: OidcOptions, redirect: string): Promise<Departure> {
  const [verifier, state, nonce] = [oidc.randomPKCECodeVerifier(), oidc.randomState(), oidc.randomNonce()];
  const url = oidc.buildAuthorizationUrl(configuration, {
    ...options.parameters,
    redirect_uri: redirect,
    scope: ['openid', ...options.scopes].join(' '),
    code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    state,
    nonce,
  });
  return { url: url.href, kept: { verifier, state, nonce } };
}

async function arrive(configuration: oidc.Configuration, options: OidcOptions, { url, kept }: Return): Promise<Person> {
  const { verifier, state, nonce } = kept;
  if (typeof verifier !== 'string' || typeof state !== 'string' || typeof nonce !== 'string')
    throw new PosternError('sign-in-broken');
  if (url.searchParams.get('state') !== state) throw new PosternError('sign-in-broken');
  try {
    const expected = { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce, idTokenExpected: true };
    const tokens = await oidc.authorizationCodeGrant(configuration, url, expected);
    const claims = tokens.claims() as oidc.IDToken;
    const more = options.userInfo ? await oidc.fetchUserInfo(configuration, tokens.access_token, claims.sub) : {};
    // What is signed for this sign-in goes before what the endpoint says.
    return personOf({ ...more, ...claims }, options.rules, options.id);
  } catch (cause) {
    throw explained(cause);
  }
}

/** Which of the three it is that went wrong; the provider's own words go to the log, as the cause. */
function explained(cause: unknown): PosternError {
  if (cause instanceof ClaimsProblem) return new PosternError('sign-in-refused', cause.message, { cause });
  // RFC 6749 4.1.2.1: what the person or the provider decided.
  if (cause instanceof oidc.AuthorizationResponseError) {
    const temporary = cause.error === 'server_error' || cause.error === 'temporarily_unavailable';
    return new PosternError(temporary ? 'sign-in-unavailable' : 'sign-in-refused', undefined, { cause });
  }
  return new PosternError(isOutage(cause) ? 'sign-in-unavailable' : 'sign-in-broken', undefined, { cause });
}

/** Not reached, too late, or an answer that says 5xx, in the form that the standard asks for or in any other. */
function isOutage(cause: unknown): boolean {
  if (cause instanceof oidc.ResponseBodyError) return cause.status >= 500;
  if (!(cause instanceof Error)) return false;
  if (cause instanceof TypeError || cause.name === 'TimeoutError') return true;
  const answer = cause.cause as { status?: unknown } | undefined;
  return typeof answer?.status === 'number' && answer.status >= 500;
}

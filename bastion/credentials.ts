// Who may come in, put together: which kinds of proof count, in which order, and what the gate asks.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { PosternError } from '../shared/errors.ts';
import { readAuthorities, systemAuthorities } from '../shared/net/trust.ts';
import type { Log } from '../shared/program/log.ts';
import type { Audit } from './audit.ts';
import { AccessBook } from './auth/access-book.ts';
import { anyOf } from './auth/any-of.ts';
import { Attempts } from './auth/attempts.ts';
import type { Authenticator } from './auth/authenticator.ts';
import { Gate } from './auth/gate.ts';
import { readIssuerRules } from './auth/issuer-rules.ts';
import { jupyterHubProvider } from './auth/jupyterhub.ts';
import { issuerAuthenticator } from './auth/jwt.ts';
import { oidcProvider } from './auth/oidc.ts';
import { outsideFetch } from './auth/outside-fetch.ts';
import { Passes } from './auth/passes.ts';
import { Revocations, refusingRevoked } from './auth/revocations.ts';
import { SessionKeys } from './auth/session-keys.ts';
import { readSignInFile } from './auth/sign-in-file.ts';
import type { SignInProvider } from './auth/sign-in-provider.ts';
import { TokenBook } from './auth/token-book.ts';
import type { SignedToken, TokenRequest } from './auth/token-book.ts';
import { loadTokenKey, signToken, tokenAuthenticator } from './auth/token.ts';
import { VisitorSessions } from './auth/visitor-session.ts';
import type { BastionConfig, BastionDeps } from './config.ts';
import type { Store } from './store/store.ts';

const DAY_MS = 86_400_000;
const REMEMBERED_ADDRESSES = 10_000;

export interface VisitorPages {
  readonly keys: SessionKeys;
  readonly sessions: VisitorSessions;
  readonly passes: Passes;
  readonly providers: readonly SignInProvider[];
  /** How often one address may go to a provider. */
  readonly attempts: Attempts;
}

export interface Auth {
  readonly authenticator: Authenticator;
  readonly gate: Gate;
  /** What the front's pages for visitors work with. */
  readonly visitors: VisitorPages;
  readonly access: AccessBook;
  readonly revocations: Revocations;
  readonly book: TokenBook;
  /** Wrong credentials of agents and of programs that call the API. */
  readonly credentialAttempts: Attempts;
  /** Reads the rules for issuers again; when they can't be used, the old ones stay. */
  reloadIssuers(): void;
}

/** Throws PosternError: state-unusable, options-invalid (the issuers' rules). */
export function openAuth(
  config: BastionConfig,
  { log, now = Date.now }: BastionDeps,
  { store, audit }: { store: Store; audit: Audit },
): Auth {
  const revocations = new Revocations(store, now);
  const { standing } = revocations;
  const issuers = openIssuers(config.issuers, log, now);
  const key = loadTokenKey(config.stateDirectory);
  const sign = (request: TokenRequest): Promise<SignedToken> => signToken(key, request, now());
  const kinds = anyOf([tokenAuthenticator(key, now), issuers.authenticator]);
  const authenticator = refusingRevoked(kinds, standing);
  const keys = new SessionKeys({
    directory: join(config.stateDirectory, 'visitor-keys'),
    rotateAfterMs: 7 * DAY_MS,
    keepMs: config.visitorSessionMs,
    now,
  });
  const sessions = new VisitorSessions({ keys, ttlMs: config.visitorSessionMs, now });
  const attempts = perMinute(config.linkAttempts, now);
  const access = new AccessBook({ store, now });
  const gate = new Gate({ authenticator, sessions, access, attempts, standing, now });
  const visitors = {
    keys,
    sessions,
    passes: new Passes({ keys, sessions, now }),
    providers: openProviders(config.signInFile),
    attempts: perMinute(config.signInAttempts, now),
  };
  const book = new TokenBook({ store, revocations, sign, audit });
  const credentialAttempts = perMinute(config.credentialAttempts, now);
  return {
    authenticator,
    gate,
    visitors,
    access,
    revocations,
    book,
    credentialAttempts,
    reloadIssuers: issuers.reload,
  };
}

/** So many at once, and as many in each minute, from one address. */
function perMinute(burst: number, now: () => number): Attempts {
  return new Attempts({ burst, refillMs: 60_000 / burst, remember: REMEMBERED_ADDRESSES, now });
}

function openProviders(path: string | undefined): readonly SignInProvider[] {
  if (path === undefined) return [];
  const authorities = systemAuthorities();
  return readSignInFile(path).map((entry) => {
    const fetch = outsideFetch(entry.ca ?? authorities);
    if (entry.kind === 'jupyterhub') return jupyterHubProvider({ ...entry, apiToken: entry.secret, fetch });
    return oidcProvider({ ...entry, clientSecret: entry.secret, fetch });
  });
}

function openIssuers(path: string | undefined, log: Log, now: () => number) {
  const read = (): Authenticator => {
    if (path === undefined) return anyOf([]);
    const authorities = systemAuthorities();
    return issuerAuthenticator(readIssuerRules(textOf(path), path), { readAuthorities, authorities, now });
  };
  let current = read();
  const authenticator: Authenticator = { authenticate: (credential, use) => current.authenticate(credential, use) };
  const reload = (): void => {
    try {
      current = read();
    } catch (err) {
      log.error({ err, path }, 'the rules for issuers cannot be used; the old ones stay');
    }
  };
  return { authenticator, reload };
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new PosternError('options-invalid', `${path} cannot be read`, { cause });
  }
}

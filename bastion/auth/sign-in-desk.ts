// The sign-in desk: sends a browser to a provider and back, and remembers at one host of ours who it belongs to.
//
// Everything happens at the host `auth.DOMAIN`; the notebooks' hosts get to know of it by passes (passes.ts). A departure
// lives in a signed cookie of its own, so that several tabs can sign in at once and the bastion keeps nothing meanwhile.

import { createHash } from 'node:crypto';

import { PosternError } from '../../shared/errors.ts';
import { COOKIE_NAME, cookieValues, setCookie } from './own-cookies.ts';
import { safePath } from './passes.ts';
import type { Person } from './person.ts';
import type { SignInProvider } from './sign-in-provider.ts';
import { seal, unseal, type Keys } from './signature.ts';
import type { VisitorSession, VisitorSessions } from './visitor-session.ts';

/** The label of the host where people sign in; agents cannot register it. */
export const SIGN_IN_LABEL = 'auth';

const PURPOSE = 'postern sign-in 1';
const DEPARTURE_COOKIE = `${COOKIE_NAME}-sign-in-`;
/** How long somebody may take at the provider, in seconds. */
const DEPARTURE_AGE_S = 600;
const MAX_COOKIE = 3800;
/** The session at the sign-in host is nobody's notebook. */
const NOBODYS = '';

/** What a notebook's host asks for, carried along until the visitor is known. */
export interface Wanted {
  /** The label that a pass is wanted for; empty: none, just signing in. */
  readonly to: string;
  readonly challenge: string;
  readonly returnTo: string;
}

export interface SignInDeskOptions {
  readonly providers: readonly SignInProvider[];
  readonly keys: Keys;
  readonly sessions: VisitorSessions;
  /** Address of a path at the sign-in host. */
  readonly urlOf: (path: string) => string;
  /** Unix milliseconds. */
  readonly now?: () => number;
}

/** A session at the sign-in host. */
export type Present = VisitorSession & { readonly person: Person };

export interface Arrived {
  readonly session: Present;
  readonly wanted: Wanted;
  /** Set-Cookie values. */
  readonly cookies: readonly string[];
}

export class SignInDesk {
  readonly #options: SignInDeskOptions;
  readonly #providers: ReadonlyMap<string, SignInProvider>;
  readonly #now: () => number;

  constructor(options: SignInDeskOptions) {
    this.#options = options;
    this.#providers = new Map(options.providers.map((provider) => [provider.id, provider]));
    this.#now = options.now ?? Date.now;
  }

  get providers(): readonly Pick<SignInProvider, 'id' | 'title'>[] {
    return this.#options.providers;
  }

  /** Address of a path at the sign-in host. */
  urlOf(path: string): string {
    return this.#options.urlOf(path);
  }

  /** Who this browser signed in as, from its Cookie header at the sign-in host. */
  present(cookie: string | undefined): Present | undefined {
    const session = this.#options.sessions.verify(cookie, SIGN_IN_LABEL, NOBODYS);
    return session?.person === undefined ? undefined : { ...session, person: session.person };
  }

  /** Where the browser goes, and the Set-Cookie value it takes along. Rejects with `page-unknown`, `sign-in-unavailable`. */
  async depart(id: string, wanted: Wanted): Promise<{ location: string; setCookie: string }> {
    const { url, kept } = await this.#provider(id).begin(this.#callback(id));
    const claims = {
      p: id,
      k: kept,
      t: wanted.to,
      c: wanted.challenge,
      r: safePath(wanted.returnTo),
      e: this.#now() + DEPARTURE_AGE_S * 1000,
    };
    const value = seal(this.#options.keys, PURPOSE, claims);
    if (value.length > MAX_COOKIE) throw new PosternError('sign-in-broken', 'the address to return to is too long');
    return { location: url, setCookie: setCookie(cookieOf(kept['state']), value, DEPARTURE_AGE_S) };
  }

  /**
   * The provider sent the browser back to `callback/ID` with this query. Rejects with PosternError: page-unknown,
   * sign-in-broken, sign-in-refused, sign-in-unavailable.
   */
  async arrive(id: string, query: string, cookie: string | undefined): Promise<Arrived> {
    const provider = this.#provider(id);
    const url = new URL(`${this.#callback(id)}?${query}`);
    const departure = cookieOf(url.searchParams.get('state') ?? undefined);
    const claims = this.#departed(id, cookieValues(cookie, departure));
    const person = await provider.finish({ url, kept: claims.kept });
    const issued = this.#options.sessions.issue(SIGN_IN_LABEL, NOBODYS, { person });
    // What the browser will say from now on.
    const session = this.present(issued.split(';', 1)[0]);
    if (session === undefined) throw new PosternError('internal', 'a session too large for a cookie');
    return { session, wanted: claims.wanted, cookies: [issued, setCookie(departure, '', 0)] };
  }

  /** Set-Cookie value that ends the session at the sign-in host. */
  signOut(): string {
    return setCookie(COOKIE_NAME, '', 0);
  }

  #departed(id: string, values: readonly string[]): { kept: Record<string, unknown>; wanted: Wanted } {
    for (const value of values) {
      const claims = value.length > MAX_COOKIE ? undefined : unseal(this.#options.keys, PURPOSE, value);
      const { p, k: kept, t: to, c: challenge, r: returnTo, e: expiresAt } = claims ?? {};
      if (p !== id || typeof kept !== 'object' || kept === null) continue;
      if (typeof to !== 'string' || typeof challenge !== 'string' || typeof returnTo !== 'string') continue;
      if (typeof expiresAt !== 'number' || expiresAt <= this.#now()) continue;
      return { kept: kept as Record<string, unknown>, wanted: { to, challenge, returnTo } };
    }
    throw new PosternError('sign-in-broken');
  }

  #provider(id: string): SignInProvider {
    const provider = this.#providers.get(id);
    if (provider === undefined) throw new PosternError('page-unknown');
    return provider;
  }

  #callback(id: string): string {
    return this.urlOf(`/_postern/callback/${id}`);
  }
}

/** One cookie for each departure, found again by the state that the provider gives back. */
function cookieOf(state: string | undefined): string {
  const mark = createHash('sha256')
    .update(state ?? '')
    .digest('base64url')
    .slice(0, 12);
  return `${DEPARTURE_COOKIE}${mark}`;
}

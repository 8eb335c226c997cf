// The seam "where visitors sign in": somebody else's login page, and the person it vouches for.

import type { Person } from './person.ts';

/** Where the browser goes, and what its return is checked against. */
export interface Departure {
  /** The provider's page. */
  readonly url: string;
  /**
   * Kept by the browser in a signed cookie meanwhile, and given back to `finish`; it holds nothing that opens a door. Its
   * `state` is what the provider gives back in the query.
   */
  readonly kept: Readonly<Record<string, string>> & { readonly state: string };
}

export interface Return {
  /** The whole address that the provider sent the browser back to. */
  readonly url: URL;
  readonly kept: Readonly<Record<string, unknown>>;
}

/** Contract (tested by test/contract/sign-in-provider): safe under concurrent calls; keeps nothing of a browser between the two. */
export interface SignInProvider {
  /** Label of the provider in addresses, logs and identities: `cilogon`. */
  readonly id: string;
  /** For people: `CILogon`. */
  readonly title: string;
  /** `redirect` is the address the browser is to come back to. Rejects with PosternError `sign-in-unavailable`. */
  begin(redirect: string): Promise<Departure>;
  /**
   * Rejects with PosternError: `sign-in-unavailable` (the provider does not answer; try again), `sign-in-refused` (the
   * provider or the configuration says no), `sign-in-broken` (what came back belongs to no departure of this browser).
   */
  finish(back: Return): Promise<Person>;
}

// The address at which people sign in, as the other hosts write it into redirects and pages. Pure.

/** At a name's host: leads to the sign-in host, with a verifier that stays behind as a cookie. There: begins. */
export const SIGN_IN_PATH = '/_postern/sign-in';

/** What a notebook's host asks the sign-in host for. */
export interface SignInWish {
  /** The label that a pass is wanted for. */
  readonly to: string;
  readonly challenge: string;
  readonly returnTo: string;
  /** As somebody else than whom this browser is signed in as. */
  readonly again?: boolean;
}

export interface SignInAddress {
  urlFor(wish: SignInWish): string;
}

/** `url` gives SIGN_IN_PATH at the sign-in host, once its port is known. */
export function signInAddress(url: () => string): SignInAddress {
  return {
    urlFor({ to, challenge, returnTo, again }) {
      const query = new URLSearchParams({ to, challenge, return: returnTo, ...(again === true ? { again: '1' } : {}) });
      return `${url()}?${query.toString()}`;
    },
  };
}

/** The way to sign in from a page of ours at a name's host: for the page's link. */
export function signInLink(returnTo: string, again: boolean): string {
  const query = new URLSearchParams({ return: returnTo, ...(again ? { again: '1' } : {}) });
  return `${SIGN_IN_PATH}?${query.toString()}`;
}

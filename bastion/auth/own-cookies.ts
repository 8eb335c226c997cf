// The bastion's own cookies: their names, read from a Cookie header, and kept from notebooks in both directions. Pure.

/** Every cookie of ours has this name, or one that begins so, with a hyphen; `__Host-` binds it to one host, over HTTPS. */
export const COOKIE_NAME = '__Host-postern';
const OWN = /^__host-postern(?:-|$)/i;
/** In some header, in whatever case: most headers have none. */
const MAYBE_OWN = /__host-postern/i;

/** A browser holds one cookie of a name per host; a few more are tried, as an old browser may be fooled into keeping others. */
const MAX_CANDIDATES = 4;

/** Whether a cookie of this name is ours to set and to read. */
export function isOwnCookie(name: string): boolean {
  return OWN.test(name.trim());
}

/** The values under exactly this name, the first few. */
export function cookieValues(header: string | undefined, name: string): string[] {
  if (header === undefined || !header.includes(name)) return [];
  return header
    .split(';')
    .filter((pair) => cookieName(pair) === name)
    .slice(0, MAX_CANDIDATES)
    .map((pair) => pair.slice(pair.indexOf('=') + 1).trim());
}

/** A Set-Cookie value; `maxAge` in seconds. */
export function setCookie(name: string, value: string, maxAge: number): string {
  return `${name}=${value}; Path=/; Max-Age=${maxAge}; HttpOnly; Secure; SameSite=Lax`;
}

/** The Cookie header without our own cookies, for the notebook; undefined when nothing else was in it. */
export function withoutOwnCookies(header: string): string | undefined {
  if (!MAYBE_OWN.test(header)) return header;
  const kept = header.split(';').filter((pair) => !OWN.test(cookieName(pair)));
  const rest = kept.join(';').trim();
  return rest === '' ? undefined : rest;
}

function cookieName(pair: string): string {
  const equals = pair.indexOf('=');
  return (equals < 0 ? pair : pair.slice(0, equals)).trim();
}

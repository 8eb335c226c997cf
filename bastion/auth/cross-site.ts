// Whether a request that a cookie vouches for was really made by the notebook's own pages, or by the visitor directly.
//
// The notebook gets its own token from us, and with a token Jupyter makes no such checks itself: so they are made here.

import type { IncomingHttpHeaders } from 'node:http';

export interface BrowserRequest {
  readonly method: string;
  readonly headers: IncomingHttpHeaders;
  /** A WebSocket or any other upgrade. */
  readonly upgrade: boolean;
}

const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS']);

/** Why the request must not act with the visitor's rights, or undefined when it may. */
export function crossSiteProblem(request: BrowserRequest): string | undefined {
  const { origin, host } = request.headers;
  const own = origin !== undefined && isOwnOrigin(origin, host);
  // "null" is what a sandboxed page sends, but also a form of the page itself that withholds its referrer.
  if (origin !== undefined && origin !== 'null' && !own) return 'the Origin is another one';
  const site = request.headers['sec-fetch-site'];
  if (request.upgrade) return upgradeProblem(own, site);
  switch (site) {
    case undefined:
      return silentProblem(request.method, origin, own);
    case 'same-origin':
      return undefined;
    case 'none':
      return origin === 'null' ? 'the Origin is null' : undefined;
    case 'same-site':
    case 'cross-site':
      return foreignProblem(request);
    default:
      return 'Sec-Fetch-Site cannot be understood';
  }
}

/** Not every browser sends Sec-Fetch-Site with a WebSocket, but each sends an Origin that no page can forge. */
function upgradeProblem(own: boolean, site: string | string[] | undefined): string | undefined {
  if (!own) return 'an upgrade needs the Origin of this very host';
  if (site === undefined || site === 'same-origin' || site === 'none') return undefined;
  return 'the upgrade comes from another site';
}

/** An old browser, or a program with the cookie: without Sec-Fetch-Site only the Origin can speak for it. */
function silentProblem(method: string, origin: string | undefined, own: boolean): string | undefined {
  if (own) return undefined;
  if (origin !== undefined) return 'the Origin is null';
  return SAFE_METHODS.has(method) ? undefined : 'neither Origin nor Sec-Fetch-Site says where the request comes from';
}

/** Somebody followed a link to the notebook: that, in a tab of its own, is all that other sites may cause. */
function foreignProblem({ method, headers }: BrowserRequest): string | undefined {
  const followsLink =
    method === 'GET' &&
    headers.origin === undefined &&
    headers['sec-fetch-mode'] === 'navigate' &&
    headers['sec-fetch-dest'] === 'document';
  return followsLink ? undefined : 'only following a link is allowed from another site';
}

/** Browsers leave out the default port and write host and scheme in lower case. */
function isOwnOrigin(origin: string, host: string | undefined): boolean {
  if (host === undefined || host === '') return false;
  return origin === `https://${host.toLowerCase().replace(/:443$/, '')}`;
}

// What stands in front of the bastion, and whose word on who a visitor is counts.

import type { IncomingHttpHeaders } from 'node:http';

import { readForwarded, readForwardedFor, visitorBehind } from './forwarded-for.ts';
import { networks, type IsInside } from './networks.ts';

/** The headers in which HTTP proxies say for whom they ask; a proxy sets one of them, and may pass on what visitors write into the other. */
export const PROXY_HEADERS = ['x-forwarded-for', 'forwarded'] as const;
export type ProxyHeaderName = (typeof PROXY_HEADERS)[number];

/** Networks as `networks` reads them. */
export interface BehindOptions {
  /** TCP load balancers: each of their connections begins with a PROXY header. */
  readonly balancers: readonly string[];
  /** HTTP proxies: each of their requests may be another visitor's. */
  readonly proxies: readonly string[];
  readonly header: ProxyHeaderName;
}

export interface Behind {
  readonly isBalancer: IsInside;
  readonly isProxy: IsInside;
  /** The visitor for whom a proxy at this address asks. */
  visitorOf(headers: IncomingHttpHeaders, proxy: string): string;
}

/** Nothing stands in front: whoever connects is the visitor. */
export const NOTHING_IN_FRONT: BehindOptions = { balancers: [], proxies: [], header: 'x-forwarded-for' };

/** Throws PosternError `options-invalid` for what is no network. */
export function behindOf({ balancers, proxies, header }: BehindOptions): Behind {
  const isProxy = networks(proxies);
  const read = header === 'forwarded' ? readForwarded : readForwardedFor;
  return {
    isBalancer: networks(balancers),
    isProxy,
    visitorOf: (headers, proxy) => {
      const value = headers[header];
      // Node joins the lines of these headers with commas.
      return typeof value === 'string' ? visitorBehind(read(value), proxy, isProxy) : proxy;
    },
  };
}

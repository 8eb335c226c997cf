// Name look-up for our own dialling: names under .localhost are loopback (RFC 6761), which not every system's resolver knows.

import { lookup as systemLookup, type LookupAddress, type LookupOptions } from 'node:dns';
import type { LookupFunction } from 'node:net';

const LOOPBACK: readonly LookupAddress[] = [
  { address: '127.0.0.1', family: 4 },
  { address: '::1', family: 6 },
];

/** True for `localhost` and every name below it, with or without the final dot. */
export function isLoopbackName(host: string): boolean {
  return /^(?:.+\.)?localhost\.?$/i.test(host);
}

/** Goes into the `lookup` option of net, tls and http: loopback names are answered here, all others by the system. */
export const lookup: LookupFunction = (host, options, callback) => {
  if (!isLoopbackName(host)) return systemLookup(host, options as LookupOptions & { all: true }, callback);
  const family = wantedFamily(options.family);
  const found = LOOPBACK.filter((entry) => family === 0 || entry.family === family);
  const [first] = found as [LookupAddress];
  // Never synchronously: callers attach their listeners after the call.
  queueMicrotask(() => (options.all === true ? callback(null, found) : callback(null, first.address, first.family)));
};

function wantedFamily(family: LookupOptions['family']): number {
  if (family === 'IPv4') return 4;
  if (family === 'IPv6') return 6;
  return family ?? 0;
}

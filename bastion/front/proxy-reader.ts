// The reader of arrivals that learns from a balancer's PROXY header who the visitor is.

import type { ArrivalReader } from './arrivals.ts';
import type { IsInside } from './networks.ts';
import { readProxyHeader } from './proxy-header.ts';

/**
 * From balancers a header is required: whoever is behind one must not pass for the balancer itself. From everybody else
 * it is no TLS hello, and is refused as such. The reader throws PosternError `proxy-header-invalid`.
 */
export function proxyReader(isBalancer: IsInside): ArrivalReader {
  return (arrival, bytes) => {
    if (!isBalancer(arrival.address)) return 0;
    const header = readProxyHeader(bytes);
    if (header === 'more') return 'more';
    if (header.source !== undefined) arrival.address = header.source;
    return header.length;
  };
}

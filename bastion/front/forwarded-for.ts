// What HTTP proxies say of the visitor: the addresses in X-Forwarded-For and Forwarded, and which of them can be believed.

import { normalAddress } from './visitor-address.ts';

/** From the visitor's end (which anybody can write) to ours; undefined: not an address. */
export type Hops = readonly (string | undefined)[];

/** More than any chain of proxies has. */
const MOST_HOPS = 32;

/** X-Forwarded-For: addresses with commas between them, some with a port. */
export function readForwardedFor(value: string): Hops {
  return value
    .split(',')
    .slice(-MOST_HOPS)
    .map((item) => nodeAddress(item.trim()));
}

const TOKEN = "[A-Za-z0-9!#$%&'*+.^_`|~-]+";
/** One parameter, and what ends it. */
const PAIR = new RegExp(`[ \\t]*(${TOKEN})=(?:"((?:[^"\\\\]|\\\\.)*)"|(${TOKEN}))[ \\t]*([,;]|$)`, 'gsy');

/** RFC 7239: `for=192.0.2.1;proto=https, for="[2001:db8::1]:4711"`; nothing at all when it breaks the rules. */
export function readForwarded(value: string): Hops {
  const hops: (string | undefined)[] = [];
  let [hop, read]: [string | undefined, number] = [undefined, 0];
  for (const [all, name = '', quoted, token = '', end] of value.matchAll(PAIR)) {
    read += all.length;
    if (name.toLowerCase() === 'for') hop = nodeAddress(quoted?.replace(/\\(.)/gs, '$1') ?? token);
    if (end === ';') continue;
    hops.push(hop);
    hop = undefined;
  }
  return read === value.length ? hops.slice(-MOST_HOPS) : [];
}

/**
 * The visitor: the first address from our end that is not a proxy of ours, and the last of them if all are. Beyond an
 * unreadable one nothing is believed: then it is the proxy who handed it on, `nearest` at first.
 */
export function visitorBehind(hops: Hops, nearest: string, isProxy: (address: string) => boolean): string {
  let visitor = nearest;
  for (const hop of hops.toReversed()) {
    if (hop === undefined) return visitor;
    visitor = hop;
    if (!isProxy(hop)) return visitor;
  }
  return visitor;
}

/** The address of a node, without port and brackets; undefined for `unknown`, hidden ones and everything else. */
function nodeAddress(node: string): string | undefined {
  const [, six] = /^\[([^\]]*)\](?::[0-9]{1,5})?$/.exec(node) ?? [];
  const [, four] = /^([0-9.]+):[0-9]{1,5}$/.exec(node) ?? [];
  return normalAddress(six ?? four ?? node);
}

// How many wrong attempts one address may make: a bucket per address that fills up again with time, in bounded memory.

import { isIPv4, isIPv6 } from 'node:net';

import { BoundedMap } from '../../shared/bounded-map.ts';

export interface AttemptsOptions {
  /** Wrong attempts allowed at once. */
  readonly burst: number;
  /** Milliseconds after which one more is allowed. */
  readonly refillMs: number;
  /** Addresses remembered. */
  readonly remember: number;
  /** Milliseconds, any origin. */
  readonly now?: () => number;
}

interface Bucket {
  used: number;
  at: number;
}

export class Attempts {
  readonly #options: AttemptsOptions;
  readonly #now: () => number;
  readonly #buckets: BoundedMap<string, Bucket>;

  constructor(options: AttemptsOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#buckets = new BoundedMap(options.remember);
  }

  /** True while this address has attempts left. */
  allowed(address: string): boolean {
    return this.#used(addressGroup(address)) < this.#options.burst;
  }

  /** Counts a wrong attempt. */
  failed(address: string): void {
    const group = addressGroup(address);
    this.#buckets.set(group, { used: this.#used(group) + 1, at: this.#now() });
  }

  #used(group: string): number {
    const bucket = this.#buckets.get(group);
    if (bucket === undefined) return 0;
    return Math.max(0, bucket.used - (this.#now() - bucket.at) / this.#options.refillMs);
  }
}

/** What counts as one place: an IPv4 address, or the /64 that an IPv6 host can choose its addresses from. */
export function addressGroup(address: string): string {
  const mapped = /^::ffff:([0-9.]+)$/i.exec(address)?.[1];
  if (mapped !== undefined && isIPv4(mapped)) return mapped;
  if (!isIPv6(address)) return address;
  const [head = '', tail] = (address.split('%')[0] ?? '').toLowerCase().split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - left.length - right.length);
  const groups = [...left, ...Array<string>(zeros).fill('0'), ...right];
  return `${groups
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ''))
    .join(':')}::/64`;
}

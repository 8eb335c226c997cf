// Lists of networks that an operator wrote down, and whether an address is in one of them.

import { BlockList, isIPv4, isIPv6 } from 'node:net';

import { PosternError } from '../../shared/errors.ts';

/** True for an IP address, as `normalAddress` writes it, in one of the networks. */
export type IsInside = (address: string) => boolean;

/** Reads `10.0.0.0/8`, `2001:db8::/32` and single addresses; throws PosternError `options-invalid`. */
export function networks(texts: readonly string[]): IsInside {
  const list = new BlockList();
  for (const text of texts) addTo(list, text);
  return (address) => {
    const family = familyOf(address);
    return family !== undefined && list.check(address, family);
  };
}

function addTo(list: BlockList, text: string): void {
  const [, address = '', length] = /^([0-9a-fA-F:.]+)(?:\/([0-9]{1,3}))?$/.exec(text) ?? [];
  const family = familyOf(address);
  const longest = family === 'ipv4' ? 32 : 128;
  const prefix = length === undefined ? longest : Number(length);
  if (family === undefined || prefix > longest)
    throw new PosternError('options-invalid', `"${text}" is not a network such as 10.0.0.0/8 or 2001:db8::/32`);
  list.addSubnet(address, prefix, family);
}

function familyOf(address: string): 'ipv4' | 'ipv6' | undefined {
  return isIPv4(address) ? 'ipv4' : isIPv6(address) ? 'ipv6' : undefined;
}

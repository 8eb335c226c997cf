// Where a Host header leads: the bastion's own apex, a visitor's name below it, or nowhere here. Pure.

/** `foreign`: a host name, but none of ours. `invalid`: not a host name at all. */
export type Place =
  | { readonly kind: 'apex' }
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'foreign' }
  | { readonly kind: 'invalid' };

const APEX: Place = { kind: 'apex' };
const FOREIGN: Place = { kind: 'foreign' };
const INVALID: Place = { kind: 'invalid' };

const HOST = /^([A-Za-z0-9._-]{1,254})(?::[0-9]{1,5})?$/;
const ADDRESS = /^\[[0-9a-fA-F:.]{2,45}\](?::[0-9]{1,5})?$/;
const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/** `domain` is normalised already (`normalDomain`). */
export function placeOf(host: string, domain: string): Place {
  const match = HOST.exec(host);
  if (match === null) return ADDRESS.test(host) ? FOREIGN : INVALID;
  const plain = normalDomain(match[1] as string);
  if (plain === domain) return APEX;
  if (plain === '' || plain.startsWith('.') || plain.endsWith('.') || plain.includes('..')) return INVALID;
  const label = plain.length - domain.length - 1;
  if (label < 1 || plain[label] !== '.' || !plain.endsWith(domain)) return FOREIGN;
  const name = plain.slice(0, label);
  return LABEL.test(name) ? { kind: 'name', name } : FOREIGN;
}

/** Lower case, without the root's dot at the end. */
export function normalDomain(text: string): string {
  const lower = text.toLowerCase();
  return lower.endsWith('.') ? lower.slice(0, -1) : lower;
}

/** The origin of pages served under this Host header, as browsers write it: lower case, without the default port. */
export function originOf(host: string): string {
  const lower = host.toLowerCase();
  return `https://${lower.endsWith(':443') ? lower.slice(0, -4) : lower}`;
}

// Where a Host header leads: the bastion's own apex, a name below it or a service of that name, or nowhere here. Pure.

/** `foreign`: a host name, but none of ours. `invalid`: not a host name at all. */
export type Place =
  { readonly kind: 'apex' } | VisitedPlace | { readonly kind: 'foreign' } | { readonly kind: 'invalid' };

/** `alice` leads to the service `web`, `alice--8787` to the service `8787` of the same name. */
export interface VisitedPlace {
  readonly kind: 'name';
  readonly name: string;
  readonly service: string;
  /** The whole label: what a visitor's session is for, because it is what browsers keep apart. */
  readonly label: string;
}

/** The service that `NAME.domain` leads to. */
export const WEB = 'web';

const APEX: Place = { kind: 'apex' };
const FOREIGN: Place = { kind: 'foreign' };
const INVALID: Place = { kind: 'invalid' };

const HOST = /^([A-Za-z0-9._-]{1,254}|\[[0-9a-fA-F:.]{2,45}\])(?::([1-9][0-9]{0,4}))?$/;
const HIGHEST_PORT = 65_535;
const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
/** No name has two hyphens in a row: the first two end it. */
const WITH_SERVICE = /^([a-z0-9]+(?:-[a-z0-9]+)*)--([a-z0-9]+(?:-[a-z0-9]+)*)$/;

/** `domain` is normalised already (`normalDomain`). */
export function placeOf(host: string, domain: string): Place {
  const plain = plainHost(host);
  if (plain === undefined) return INVALID;
  if (plain === domain) return APEX;
  const label = plain.length - domain.length - 1;
  if (label < 1 || plain[label] !== '.' || !plain.endsWith(domain)) return FOREIGN;
  return visited(plain.slice(0, label));
}

/** Without its port; undefined for what is neither a host name nor an address. */
function plainHost(host: string): string | undefined {
  const match = HOST.exec(host);
  if (match === null || Number(match[2] ?? 0) > HIGHEST_PORT) return undefined;
  const plain = normalDomain(match[1] as string);
  if (plain.startsWith('[')) return plain;
  return plain === '' || plain.startsWith('.') || plain.endsWith('.') || plain.includes('..') ? undefined : plain;
}

function visited(label: string): Place {
  if (!LABEL.test(label)) return FOREIGN;
  const [, name = label, service = WEB] = WITH_SERVICE.exec(label) ?? [];
  return { kind: 'name', name, service, label };
}

/** The Host of another label below the same domain, on the same port as this Host. */
export function neighbourOf(host: string, label: string): string {
  return label + host.slice(host.indexOf('.'));
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

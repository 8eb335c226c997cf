// What a registration has to bring along where the bastion will not read what visitors send: there it can enforce nothing. And the
// hosts that an agent speaks for then.

import type { Registration } from '../../shared/wire/handshake.ts';
import type { Refusal } from './registration.ts';

/** More would not fit into the INFO frame that carries the certificate. */
const MAX_HOST_BYTES = 8_000;

/** What this bastion can do for such agents. */
export interface Means {
  /** It has a CA of its own. */
  readonly issues: boolean;
  readonly domain: string;
}

/** The refusal, or undefined. */
export function endToEndRefusal(registration: Registration, { issues, domain }: Means): Refusal | undefined {
  const { tls, access, policy, services } = registration;
  const raw = services.find((service) => service.kind === 'tcp' && service.access !== 'public');
  if (raw !== undefined && access !== 'public') return refuse('end-to-end-policy', `the service ${raw.name}`);
  if (tls === undefined) return undefined;
  if (policy !== undefined && policy.kind !== access)
    return refuse('end-to-end-policy', 'who signs in is not seen here');
  if (tls.visitors === 'all' && access !== 'public') return refuse('end-to-end-policy');
  if (tls.certificate !== 'issued') return undefined;
  if (!issues) return refuse('end-to-end-unavailable', 'the certificate of this bastion is from files');
  const bytes = hostCount(registration) * (longestHost(registration) + domain.length + 1);
  if (bytes > MAX_HOST_BYTES)
    return refuse('end-to-end-unavailable', 'too many services and ports for one certificate');
  return undefined;
}

/** The bastion does not read what visitors send to this service. */
export function passesThrough({ tls, services }: Registration, service: string): boolean {
  return tls !== undefined || services.some(({ name, kind }) => name === service && kind === 'tcp');
}

/** The hosts whose TLS the agent ends: its names, and with each the services and ports that speak no TLS themselves. */
export function certifiedHosts(registration: Registration, domain: string): string[] {
  const suffixes = [...suffixesOf(registration)];
  return registration.names.flatMap((name) => suffixes.map((suffix) => `${name}${suffix}.${domain}`));
}

function* suffixesOf({ services, ports = [] }: Registration): Generator<string> {
  yield '';
  for (const { name, kind } of services) if (name !== 'web' && kind !== 'tcp') yield `--${name}`;
  for (const [from, to] of ports) for (let port = from; port <= to; port++) yield `--${port}`;
}

/** Reckoned, since a range may hold every port there is. */
function hostCount({ names, services, ports = [] }: Registration): number {
  const portCount = ports.reduce((sum, [from, to]) => sum + to - from + 1, 0);
  return names.length * (1 + services.length + portCount);
}

function longestHost({ names, services, ports = [] }: Registration): number {
  const longest = (texts: readonly string[]): number => Math.max(0, ...texts.map(({ length }) => length));
  const suffix = Math.max(longest(services.map(({ name }) => `--${name}`)), ports.length > 0 ? '--65535'.length : 0);
  return longest(names) + suffix;
}

function refuse(code: Refusal['code'], detail?: string): Refusal {
  return { answer: 'refuse', code, ...(detail === undefined ? {} : { detail }) };
}

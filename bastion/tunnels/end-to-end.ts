// What a registration has to bring along where the bastion will not read what visitors send: there it can enforce nothing.

import type { Registration } from '../../shared/wire/handshake.ts';
import type { Refusal } from './registration.ts';

/** The refusal, or undefined; `issues`: this bastion has a CA of its own. */
export function endToEndRefusal({ tls, access, policy, services }: Registration, issues: boolean): Refusal | undefined {
  const raw = services.find((service) => service.kind === 'tcp' && service.access !== 'public');
  if (raw !== undefined && access !== 'public') return refuse('end-to-end-policy', `the service ${raw.name}`);
  if (tls === undefined) return undefined;
  if (policy !== undefined && policy.kind !== access)
    return refuse('end-to-end-policy', 'who signs in is not seen here');
  if (tls.visitors === 'all' && access !== 'public') return refuse('end-to-end-policy');
  if (tls.certificate === 'issued' && !issues)
    return refuse('end-to-end-unavailable', 'the certificate of this bastion is from files');
  return undefined;
}

function refuse(code: Refusal['code'], detail?: string): Refusal {
  return { answer: 'refuse', code, ...(detail === undefined ? {} : { detail }) };
}

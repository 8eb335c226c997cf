// The gate, with an account of whom it let in and whom not: each visitor of a name once in a while, not each request.

import { asPosternError } from '../../shared/errors.ts';
import type { PosternError } from '../../shared/errors.ts';
import type { Audit, AuditEvent } from '../audit.ts';
import { Repeats } from '../repeats.ts';
import { addressGroup } from './attempts.ts';
import type { Admission, Approach, Gate, Guarded } from './gate.ts';

/** The same visitor, from the same place, is told of again after so many milliseconds. */
const AGAIN_AFTER_MS = 600_000;

type VisitEvent = Extract<AuditEvent, { event: 'visit' | 'visit-refused' | 'visit-ended' }>;

export type Admitting = Pick<Gate, 'admit' | 'admitOwner' | 'enter'>;

/** `now`: Unix milliseconds. */
export function auditedGate(gate: Admitting, audit: Audit, now: () => number = Date.now): Admitting {
  const tell = tellerOf(audit, now);
  const account = (approach: Approach, tunnel: Guarded) => {
    const { name, upgrade, address } = approach;
    const visited = { name, owner: tunnel.identity.owner, upgrade, address };
    return {
      admitted: (admission: Admission): Admission => accounted(admission, visited, tell),
      refused: (error: unknown): never => {
        tell({ event: 'visit-refused', ...visited, code: asPosternError(error).code });
        throw error;
      },
    };
  };
  return {
    admit(approach, tunnel) {
      const { admitted, refused } = account(approach, tunnel);
      try {
        const admission = gate.admit(approach, tunnel);
        return admission instanceof Promise ? admission.then(admitted, refused) : admitted(admission);
      } catch (error) {
        return refused(error);
      }
    },
    admitOwner(approach, tunnel) {
      const { admitted, refused } = account(approach, tunnel);
      return gate.admitOwner(approach, tunnel).then(admitted, refused);
    },
    enter(secret, place, tunnel, address) {
      const used = { name: place.label, owner: tunnel.identity.owner, address };
      try {
        const cookie = gate.enter(secret, place, tunnel, address);
        audit.record({ event: 'link-used', ...used });
        return cookie;
      } catch (error) {
        const { code } = asPosternError(error);
        // Somebody who tries again and again is not worth a line each time.
        if (code !== 'visitor-limit') audit.record({ event: 'link-refused', ...used, code });
        throw error;
      }
    },
  };
}

/** What records visits, each once in a while. */
function tellerOf(audit: Audit, now: () => number): (event: VisitEvent) => void {
  const repeated = new Repeats(AGAIN_AFTER_MS, now);
  return (event) => {
    const { name, visitor = '', credentialId = '', code = '', upgrade } = event;
    // Who is refused could come from any address of a network; who was let in is told by the very one.
    const address = event.event === 'visit-refused' ? addressGroup(event.address) : event.address;
    const repeats = repeated.tell(`${event.event} ${address} ${name} ${visitor} ${credentialId} ${code} ${upgrade}`);
    if (repeats !== undefined) audit.record(repeats === 0 ? event : { ...event, repeats });
  };
}

type Visited = Pick<VisitEvent, 'name' | 'owner' | 'upgrade' | 'address'>;

function accounted(admission: Admission, visited: Visited, tell: (event: VisitEvent) => void): Admission {
  const { visitor, credentialId, recheck } = admission;
  const who = { ...visited, visitor, ...(credentialId === undefined ? {} : { credentialId }) };
  tell({ event: 'visit', ...who });
  if (recheck === undefined) return admission;
  const rechecked = (): PosternError | undefined => {
    const error = recheck();
    if (error !== undefined) tell({ event: 'visit-ended', ...who, code: error.code });
    return error;
  };
  return { ...admission, recheck: rechecked };
}

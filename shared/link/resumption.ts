// The proof by which an agent goes on with a session over a new WebSocket (docs/protocol.md, "Resumption").

import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { Resumption } from '../wire/handshake.ts';

/** HMAC-SHA256, base64url, with the session's resume key over everything that the resumption states. */
export function proofOf(resumeKey: string, stated: Omit<Resumption, 'proof'>): string {
  const text = `postern.1 resume\n${stated.session}\n${stated.attempt}\n${stated.received}`;
  return createHmac('sha256', Buffer.from(resumeKey, 'base64url')).update(text).digest('base64url');
}

/** True when the proof was made with this key over these very numbers; in constant time. */
export function proofHolds(resumeKey: string, resumption: Resumption): boolean {
  return timingSafeEqual(digest(proofOf(resumeKey, resumption)), digest(resumption.proof));
}

// Of equal length whatever was presented, as timingSafeEqual needs.
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

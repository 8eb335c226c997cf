// Ending tunnels that have lost the right to be there: their credential is over, or their names are somebody else's.

import type { ErrorCode } from '../../shared/errors.ts';
import type { Standing } from '../auth/revocations.ts';
import type { Directory } from './directory.ts';
import type { Ownership } from './ownership.ts';
import type { LiveTunnel } from './tunnel.ts';

/** The last word to the agent needs a moment to arrive, in milliseconds; streams end with it. */
const LAST_WORD_MS = 500;

/** Frees the tunnel's names at once, and ends what it still does. */
export function evict(directory: Directory, tunnel: LiveTunnel, code: ErrorCode): void {
  directory.withdraw(tunnel);
  void tunnel.leave({ code, reconnectAfterMs: 0, graceMs: LAST_WORD_MS });
}

/** Ends those whose credential was taken back. */
export function evictRevoked(directory: Directory, standing: Standing): void {
  for (const tunnel of [...directory.tunnels])
    if (!tunnel.leaving && standing(tunnel.identity) === 'credential-revoked')
      evict(directory, tunnel, 'credential-revoked');
}

/** Ends those that serve a name which an administrator has given to somebody else. */
export function evictFormerOwners(
  directory: Directory,
  ownership: Ownership,
  tunnels: Iterable<LiveTunnel> = directory.tunnels,
): void {
  for (const tunnel of [...tunnels])
    if (!tunnel.leaving && tunnel.names.some((name) => ownership.isForeign(name, tunnel.owner)))
      evict(directory, tunnel, 'name-taken');
}

// What one tunnel, and one owner, may have of the bastion; who comes beyond it is refused, and nobody else is harmed.

import type { Rate } from '../../shared/token-bucket.ts';

export interface TunnelLimits {
  /** Streams open at once, over all links of a tunnel. */
  readonly streams: number;
  /** Streams opened in a tunnel. */
  readonly opens: Rate;
  /** Links of a tunnel, those that are leaving included. */
  readonly links: number;
  /** Names of a tunnel. */
  readonly names: number;
  /** Tunnels of one owner; as many again may be leaving. */
  readonly tunnels: number;
}

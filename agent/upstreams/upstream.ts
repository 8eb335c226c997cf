// The seam "what the notebook is": something the agent can dial, and nothing a visitor can choose.

import type { Duplex } from 'node:stream';

/**
 * Contract (tested by test/contract/upstream): every dial is a new connection; it rejects with a PosternError of the
 * 1200 range; an aborted dial leaves no socket behind. The socket is allowHalfOpen and has no error listener missing.
 */
export interface Upstream {
  /** For logs and pages, without secrets: `unix:/tmp/x.sock`, `http://127.0.0.1:8888`. */
  readonly label: string;
  dial(signal: AbortSignal): Promise<Duplex>;
}

// What a failed dial means for the next one; pure.

import { errorEntry, PosternError } from '../shared/errors.ts';

export interface Verdict {
  /** The bastion itself said, in a problem document of ours, that trying again is pointless. */
  readonly final: boolean;
  /** A newer agent of the same owner holds the name. */
  readonly replaced: boolean;
  /** Nobody listens at the bastion's address: usually a restart that takes seconds. */
  readonly refused: boolean;
  /** What the answer's Retry-After asked for, in milliseconds. */
  readonly retryAfterMs: number;
}

/** The longest Retry-After that is honoured: a day's would outlive the job. */
const LONGEST_RETRY_AFTER_MS = 300_000;

/** Only a document of ours can be final: a stray 403 of a load balancer, or a page of a captive portal, passes. */
export function judge(error: unknown): Verdict {
  const fields = (error ?? {}) as { problem?: unknown; refused?: unknown; retryAfterMs?: unknown };
  const ours = error instanceof PosternError && fields.problem !== undefined;
  const wait = typeof fields.retryAfterMs === 'number' && fields.retryAfterMs > 0 ? fields.retryAfterMs : 0;
  return {
    final: ours && errorEntry(error.code).agent === 'final',
    replaced: ours && error.code === 'replaced',
    refused: fields.refused === true,
    retryAfterMs: Math.min(wait, LONGEST_RETRY_AFTER_MS),
  };
}

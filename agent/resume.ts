// Goes on with a session whose WebSocket was lost: dials again with proof of the session until it is resumed or over.

import type { IncomingHttpHeaders } from 'node:http';

import { createBackoff } from '../shared/backoff.ts';
import { asPosternError, PosternError } from '../shared/errors.ts';
import { proofOf } from '../shared/link/resumption.ts';
import type { Carrier, WebSocketLink } from '../shared/link/websocket-link.ts';
import type { Clock } from '../shared/mux/clock.ts';
import { decodeResumed, encodeHeader, RESUMPTION_HEADER, type Acceptance } from '../shared/wire/handshake.ts';
import { judge } from './judge.ts';

export interface ResumeEvents {
  /** The connection broke; everything under way waits. */
  paused(error: PosternError): void;
  /** It goes on, after so many milliseconds. */
  resumed(afterMs: number): void;
}

export interface ResumeOptions {
  readonly link: WebSocketLink;
  readonly acceptance: Pick<Acceptance, 'session' | 'resumeKey'>;
  /** One WebSocket handshake with these headers on top; rejects with what `judge` can read. */
  dial(
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<{ carrier: Carrier; headers: IncomingHttpHeaders }>;
  readonly clock: Clock;
  readonly random: () => number;
  readonly events: ResumeEvents;
  /**
   * Another bastion would take us: given up after so many milliseconds, and at once where nobody listens any more, because
   * sessions die with their bastion. Undefined: as long as the link waits.
   */
  readonly patienceMs?: number | undefined;
}

/** Visitors wait meanwhile, so it tries again sooner than a registration would; milliseconds. */
const BACKOFF = { baseMs: 200, capMs: 5_000 } as const;
const REFUSED_CAP_MS = 3_000;

export class Resumer {
  readonly #options: ResumeOptions;
  readonly #stopped = new AbortController();
  #attempt = 0;
  #timer: unknown;
  #patience: unknown;

  constructor(options: ResumeOptions) {
    this.#options = options;
  }

  /** The link has no WebSocket any more: try until it has one, or is closed. The link's own grace bounds it. */
  lost(error: PosternError): void {
    const { link, clock, random, events, patienceMs } = this.#options;
    events.paused(error);
    if (patienceMs !== undefined) {
      clock.clearTimeout(this.#patience);
      this.#patience = clock.setTimeout(() => {
        if (link.waiting) link.destroy(error);
      }, patienceMs);
    }
    void this.#again({ lostAt: clock.now(), backoff: createBackoff({ ...BACKOFF, random }) });
  }

  /** The session is over: no more attempts. Idempotent. */
  stop(): void {
    this.#options.clock.clearTimeout(this.#timer);
    this.#options.clock.clearTimeout(this.#patience);
    this.#stopped.abort(new PosternError('session-closed'));
  }

  async #again(pause: { lostAt: number; backoff: ReturnType<typeof createBackoff> }): Promise<void> {
    const { link, clock, events, patienceMs } = this.#options;
    if (!link.waiting) return;
    try {
      await this.#try();
      clock.clearTimeout(this.#patience);
      events.resumed(clock.now() - pause.lostAt);
    } catch (cause) {
      const error = asPosternError(cause);
      if (!link.waiting || this.#stopped.signal.aborted) return;
      // The bastion knows nothing of this session any more, so nobody else will.
      if (isOver(error)) return link.destroy(error);
      const verdict = judge(error);
      if (verdict.refused && patienceMs !== undefined) return link.destroy(error);
      const waitMs = pause.backoff.next(verdict.refused ? REFUSED_CAP_MS : undefined);
      this.#timer = clock.setTimeout(() => void this.#again(pause), Math.max(waitMs, verdict.retryAfterMs));
    }
  }

  async #try(): Promise<void> {
    const { link, acceptance, dial } = this.#options;
    const stated = { session: acceptance.session, attempt: ++this.#attempt, received: link.received };
    const proof = proofOf(acceptance.resumeKey, stated);
    const headers = { [RESUMPTION_HEADER]: encodeHeader({ ...stated, proof }) };
    const { carrier, headers: answer } = await dial(headers, this.#stopped.signal);
    try {
      link.resume(carrier, decodeResumed(String(answer[RESUMPTION_HEADER] ?? '')).received);
    } catch (cause) {
      carrier.webSocket.terminate();
      // An answer that can't be right: what either end holds no longer fits together.
      link.destroy(asPosternError(cause, 'protocol-error'));
      throw cause;
    }
  }
}

/** Said by the bastion itself: the session can't be had back. */
function isOver(error: PosternError & { problem?: unknown }): boolean {
  if (error.problem === undefined) return false;
  return ['session-unknown', 'resume-refused', 'registration-malformed', 'version-unsupported'].includes(error.code);
}

// Resuming on the bastion's side: an agent with the session's key goes on with its link over a new WebSocket.

import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';

import { PosternError } from '../../shared/errors.ts';
import { acceptCarrier } from '../../shared/link/accept.ts';
import { proofHolds } from '../../shared/link/resumption.ts';
import type { WebSocketLink } from '../../shared/link/websocket-link.ts';
import { RESUMPTION_HEADER, decodeResumption, encodeHeader } from '../../shared/wire/handshake.ts';
import type { Resumption } from '../../shared/wire/handshake.ts';

/** A session that may be resumed for as long as its link is not closed. */
interface Held {
  readonly link: WebSocketLink;
  readonly resumeKey: string;
  /** The highest attempt accepted: an attempt is good once. */
  attempt: number;
}

export interface Upgrade {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  readonly head: Buffer;
  /** The agent's IP address. */
  readonly address: string;
}

export class ResumableSessions {
  readonly #held = new Map<string, Held>();
  readonly #maxMessage: number;

  /** `maxMessage`: longest message taken from an agent, in bytes. */
  constructor(maxMessage: number) {
    this.#maxMessage = maxMessage;
  }

  /** From now on the session can be resumed by whoever has the key. */
  hold(session: string, resumeKey: string, link: WebSocketLink): void {
    this.#held.set(session, { link, resumeKey, attempt: 0 });
  }

  forget(session: string): void {
    this.#held.delete(session);
  }

  /**
   * Answers 101 and goes on with the session over this WebSocket.
   * Rejects with PosternError registration-malformed, session-unknown or resume-refused, the session untouched.
   */
  async resume({ request, socket, head }: Upgrade): Promise<string> {
    const { held, resumption } = this.#judge(request);
    held.attempt = resumption.attempt;
    // The old WebSocket is let go before we state how much of it arrived: nothing may be counted afterwards.
    held.link.lose(new PosternError('link-closed', 'the agent comes back on another connection'));
    const headers = { [RESUMPTION_HEADER]: encodeHeader({ received: held.link.received }) };
    const carrier = await acceptCarrier(request, socket, head, { headers, maxMessage: this.#maxMessage });
    try {
      held.link.resume(carrier, resumption.received);
    } catch (error) {
      // Whoever has the key and counts what was never sent is broken, and has lost count for good.
      carrier.webSocket.terminate();
      held.link.destroy(error as PosternError);
    }
    return resumption.session;
  }

  #judge(request: IncomingMessage): { held: Held; resumption: Resumption } {
    const resumption = decodeResumption(String(request.headers[RESUMPTION_HEADER]));
    const held = this.#held.get(resumption.session);
    if (held === undefined || held.link.closed) throw new PosternError('session-unknown');
    if (!proofHolds(held.resumeKey, resumption)) throw new PosternError('resume-refused');
    if (resumption.attempt <= held.attempt)
      throw new PosternError('resume-refused', `attempt ${resumption.attempt} of ${held.attempt}`);
    return { held, resumption };
  }
}

/** True when the agent asks to go on with a session rather than to register. */
export function asksToResume(request: IncomingMessage): boolean {
  return request.headers[RESUMPTION_HEADER] !== undefined;
}

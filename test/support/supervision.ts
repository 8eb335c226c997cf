// A supervisor whose dials the test answers, over a clock and a random number that the test sets.

import { createBackoff } from '../../shared/backoff.ts';
import { PosternError, toProblem, type ErrorCode } from '../../shared/errors.ts';
import { DialError } from '../../shared/link/dial.ts';
import type { Acceptance, Info } from '../../shared/wire/handshake.ts';
import { Slots } from '../../agent/slots.ts';
import { Supervisor, type Dial, type Farewell, type SupervisedSession } from '../../agent/supervise.ts';
import { FakeClock, settled } from './fake-clock.ts';

const ACCEPTANCE: Acceptance = {
  bastion: 'bastion/0',
  session: '0'.repeat(32),
  resumeKey: 'k',
  resumeMs: 0,
  urls: {},
  expiresAt: 0,
  features: [],
  limits: { credit: 0, streams: 0, message: 0 },
};

/** What the supervisor did to a session, and what the session can do. */
export class FakeSession implements SupervisedSession {
  readonly infos: Info[] = [];
  closing = false;
  destroyed = false;
  readonly #closed = Promise.withResolvers<PosternError>();
  readonly closed = this.#closed.promise;

  sendInfo(info: Info): void {
    this.infos.push(info);
  }

  async close(): Promise<void> {
    this.closing = true;
    await this.closed;
  }

  destroy(error: PosternError): void {
    this.destroyed = true;
    this.#closed.resolve(error);
  }

  /** The network or the bastion ends it; or its last stream did. */
  async lose(code: ErrorCode = 'link-closed'): Promise<void> {
    this.#closed.resolve(new PosternError(code));
    await settled();
  }
}

export interface Attempt {
  readonly atMs: number;
  readonly signal: AbortSignal;
  accept(): Promise<FakeSession>;
  reject(error: Error): Promise<void>;
  sendAway(farewell: Farewell): Promise<void>;
}

export interface SupervisedWorld {
  readonly supervisor: Supervisor;
  readonly clock: FakeClock;
  readonly attempts: Attempt[];
  /** `up`, `failed CODE MS`, `lost CODE MS`, `replaced`. */
  readonly log: string[];
  last(): Attempt;
}

/** `random` answers every question for a random number. */
export function superviseFake(random = 0.5): SupervisedWorld {
  const clock = new FakeClock();
  const attempts: Attempt[] = [];
  const log: string[] = [];
  const supervisor = new Supervisor({
    dial: answeredByTest(clock, attempts),
    backoff: createBackoff({ baseMs: 200, capMs: 30_000, random: () => random }),
    clock,
    random: () => random,
    events: {
      up: () => log.push('up'),
      failed: (error, waitMs) => log.push(`failed ${error.code} ${waitMs}`),
      lost: (error, waitMs) => log.push(`lost ${error.code} ${waitMs}`),
      replaced: () => log.push('replaced'),
    },
  });
  return { supervisor, clock, attempts, log, last: () => attempts.at(-1) as Attempt };
}

export interface SlotsWorld {
  readonly slots: Slots;
  readonly clock: FakeClock;
  /** Of each slot. */
  readonly attempts: readonly Attempt[][];
  /** `up SLOT`, `failed SLOT CODE`, `lost SLOT CODE`, `replaced`. */
  readonly log: string[];
  last(slot: number): Attempt;
}

/** Several links of one agent, without any jitter. */
export function slotsFake(count: number): SlotsWorld {
  const clock = new FakeClock();
  const attempts = Array.from({ length: count }, (): Attempt[] => []);
  const log: string[] = [];
  const slots = new Slots({
    count,
    dial: (slot) => answeredByTest(clock, attempts[slot] as Attempt[]),
    backoff: () => createBackoff({ baseMs: 200, capMs: 30_000, random: () => 0 }),
    clock,
    random: () => 0,
    events: {
      up: (slot) => log.push(`up ${slot}`),
      failed: (slot, error) => log.push(`failed ${slot} ${error.code}`),
      lost: (slot, error) => log.push(`lost ${slot} ${error.code}`),
      replaced: () => log.push('replaced'),
    },
  });
  return { slots, clock, attempts, log, last: (slot) => attempts[slot]?.at(-1) as Attempt };
}

function answeredByTest(clock: FakeClock, attempts: Attempt[]): Dial {
  return (signal, onGoAway) => {
    const answer = Promise.withResolvers<{ session: FakeSession; acceptance: Acceptance }>();
    attempts.push({
      atMs: clock.now(),
      signal,
      accept: async () => {
        const session = new FakeSession();
        answer.resolve({ session, acceptance: ACCEPTANCE });
        await settled();
        return session;
      },
      reject: async (error) => {
        answer.reject(error);
        await settled();
      },
      sendAway: async (farewell) => {
        onGoAway(farewell);
        await settled();
      },
    });
    return answer.promise;
  };
}

/** A refusal in a problem document of ours. */
export function refusal(code: ErrorCode, retryAfterMs?: number): DialError {
  const problem = toProblem(new PosternError(code));
  return new DialError(code, 'refused', { problem, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) });
}

/** What a load balancer in front of the bastion would say. */
export function stray(status: number, retryAfterMs?: number): DialError {
  return new DialError('bastion-unreachable', `HTTP ${status}`, {
    status,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
}

/** Nobody listens at the bastion's address. */
export function nobodyThere(): DialError {
  return new DialError('bastion-unreachable', 'connect ECONNREFUSED', { refused: true });
}

// Several bastions as one: an attempt to register asks one after the other, and begins with the one that worked last.

import { asPosternError, type PosternError } from '../shared/errors.ts';
import { DialError } from '../shared/link/dial.ts';
import type { Clock } from '../shared/mux/clock.ts';
import { judge } from './judge.ts';
import type { Dial } from './supervise.ts';

export interface Failover {
  /** In the order in which they are asked. */
  readonly dials: readonly Dial[];
  readonly clock: Clock;
  /** This one failed; whether another is asked now is not said. */
  failed(index: number, error: PosternError): void;
}

interface Failure {
  readonly error: PosternError;
  readonly verdict: ReturnType<typeof judge>;
}

/**
 * One dial for all of them. A bastion that asked for time (Retry-After) is left alone for so long. It rejects once all have
 * failed, with what one of them said: with a final refusal only if every bastion that answered refused for good, since
 * those that can't be reached would say nothing else; with `replaced` at once, or two agents would chase each other round.
 */
export function failover({ dials, clock, failed }: Failover): Dial {
  const notBefore = dials.map(() => 0);
  let current = 0;
  return async (signal, onGoAway) => {
    const failures: Failure[] = [];
    for (const index of turn(current, notBefore, clock.now())) {
      try {
        const registered = await (dials[index] as Dial)(signal, onGoAway);
        current = index;
        notBefore[index] = 0;
        return registered;
      } catch (cause) {
        signal.throwIfAborted();
        const error = asPosternError(cause);
        const verdict = judge(error);
        // Neither the next bastion nor waiting helps against a file of our own, or a newer agent.
        if (verdict.replaced || error.code === 'options-invalid') throw error;
        notBefore[index] = clock.now() + verdict.retryAfterMs;
        failures.push({ error, verdict });
        failed(index, error);
      }
    }
    throw together(failures, Math.max(0, Math.min(...notBefore) - clock.now()));
  };
}

/** Those whose time has come, the current one first and then in order; if there are none, the one that is due next. */
function turn(current: number, notBefore: readonly number[], now: number): number[] {
  const order = [current, ...[...notBefore.keys()].filter((index) => index !== current)];
  const due = order.filter((index) => (notBefore[index] as number) <= now);
  if (due.length > 0) return due;
  return order.toSorted((a, b) => (notBefore[a] as number) - (notBefore[b] as number)).slice(0, 1);
}

function together(failures: readonly Failure[], retryAfterMs: number): DialError {
  const answered = failures.filter(({ error }) => error instanceof DialError && error.problem !== undefined);
  const told = answered.find(({ verdict }) => !verdict.final) ?? answered[0] ?? failures[0];
  const { error } = told as Failure;
  const problem = error instanceof DialError && error.problem !== undefined ? { problem: error.problem } : {};
  const refused = failures.some(({ verdict }) => verdict.refused);
  return new DialError(error.code, error.detail, { ...problem, retryAfterMs, refused, cause: error });
}

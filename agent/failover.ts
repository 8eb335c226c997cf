// Several bastions as one: an attempt to register asks one after the other, and begins with the one that worked last.
// All links of an agent go to the same one, where their tunnel is.

import { asPosternError, type PosternError } from '../shared/errors.ts';
import { DialError } from '../shared/link/dial.ts';
import type { Clock } from '../shared/mux/clock.ts';
import { judge } from './judge.ts';
import type { Dial, Registered } from './supervise.ts';

/** The dial of each of the agent's links. */
export type SlotDial = (slot: number) => Dial;

export interface Failover {
  /** In the order in which they are asked. */
  readonly dials: readonly SlotDial[];
  readonly clock: Clock;
  /** This one failed; whether another is asked now is not said. */
  failed(index: number, error: PosternError): void;
}

interface Failure {
  readonly error: PosternError;
  readonly verdict: ReturnType<typeof judge>;
}

/** A session that takes new streams. */
interface Held {
  readonly index: number;
  over: boolean;
}

/**
 * One dial for all of them; while another link of the agent holds a session, only the bastion of the newest one is asked. A bastion that asked for time (Retry-After) is left alone for so long. It rejects once all have
 * failed, with what one of them said: with a final refusal only if every bastion that answered refused for good, since
 * those that can't be reached would say nothing else; with `replaced` at once, or two agents would chase each other round.
 */
export function failover({ dials, clock, failed }: Failover): SlotDial {
  const notBefore = dials.map(() => 0);
  let current = 0;
  let held: Held[] = [];
  return (slot) => {
    // Made once: each remembers a bastion's answer that came before the attempt which takes it up.
    const own = dials.map((dialOf) => dialOf(slot));
    return async (signal, onGoAway) => attempt(own, signal, onGoAway);
  };

  async function attempt(own: readonly Dial[], ...[signal, onGoAway]: Parameters<Dial>): Promise<Registered> {
    held = held.filter(({ over }) => !over);
    const newest = held.at(-1);
    const failures: Failure[] = [];
    for (const index of newest === undefined ? turn(current, notBefore, clock.now()) : [newest.index]) {
      const session: Held = { index, over: false };
      try {
        const registered = await hold(own[index] as Dial, session)(signal, onGoAway);
        current = index;
        notBefore[index] = 0;
        held.push(session);
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
    const next = newest === undefined ? Math.min(...notBefore) : (notBefore[newest.index] as number);
    throw together(failures, Math.max(0, next - clock.now()));
  }
}

/** The session holds its agent's other links to its bastion until that says GOAWAY, or it ends. */
function hold(dial: Dial, session: Held): Dial {
  return async (signal, onGoAway) => {
    const registered: Registered = await dial(signal, (farewell) => {
      session.over = true;
      onGoAway(farewell);
    });
    void registered.session.closed.then(() => (session.over = true));
    return registered;
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

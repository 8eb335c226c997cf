// Two sessions over an in-memory link, with a clock that tests move.

import { Budget } from '../../shared/mux/budget.ts';
import { Session, type SessionOptions } from '../../shared/mux/session.ts';
import type { Stream } from '../../shared/mux/stream.ts';
import type { Limits } from '../../shared/wire/handshake.ts';
import { FakeClock, settled } from './fake-clock.ts';
import { linkPair, type LinkPair, type LinkPairOptions } from './link-pair.ts';

export const LIMITS: Limits = { credit: 65_536, streams: 100, message: 65_536 };

export type Side = 'bastion' | 'agent';
export const SIDES: readonly Side[] = ['bastion', 'agent'];

export interface SessionPairOptions {
  readonly link?: LinkPairOptions;
  /** Messages travel by the fake clock, too; otherwise they arrive in the next turn of the event loop. */
  readonly timed?: boolean;
  readonly limits?: Partial<Limits>;
  readonly bastion?: Partial<SessionOptions>;
  readonly agent?: Partial<SessionOptions>;
  readonly budgetBytes?: number;
}

export interface SessionPair extends Record<Side, Session> {
  readonly clock: FakeClock;
  readonly links: LinkPair;
  readonly budgets: Record<Side, Budget>;
  /** Streams that came from the other end, in order. */
  readonly accepted: Record<Side, Stream[]>;
}

export function sessionPair(options: SessionPairOptions = {}): SessionPair {
  const clock = new FakeClock();
  const links = linkPair({ ...options.link, ...(options.timed === true ? { clock } : {}) });
  const limits = { ...LIMITS, ...options.limits };
  const accepted: Record<Side, Stream[]> = { bastion: [], agent: [] };
  const bytes = options.budgetBytes ?? 64 * 1024 * 1024;
  const budgets = { bastion: new Budget(bytes), agent: new Budget(bytes) };
  const make = (role: Side): Session =>
    new Session(links[role], {
      role,
      own: limits,
      peer: limits,
      clock,
      budget: budgets[role],
      // Whoever looks for errors listens, too.
      onStream: (stream) => void accepted[role].push(stream.on('error', () => undefined)),
      ...options[role],
    });
  return { clock, links, budgets, accepted, bastion: make('bastion'), agent: make('agent') };
}

/** Lets messages travel until the condition holds; fails after `turns` turns of the event loop. */
export async function until(condition: () => boolean, turns = 2000): Promise<void> {
  for (let turn = 0; turn < turns; turn++) {
    if (condition()) return;
    await settled();
  }
  throw new Error(`after ${turns} turns of the event loop, still not: ${condition.toString()}`);
}

/** Lets `ms` pass, with what was begun before it on its way. */
export async function pass(pair: SessionPair, ms: number): Promise<void> {
  await settled();
  await pair.clock.advance(ms);
}

/** A stream from `side` to the other, both ends. */
export async function openedPair(pair: SessionPair, side: Side = 'bastion'): Promise<[near: Stream, far: Stream]> {
  const far = pair.accepted[other(side)];
  const before = far.length;
  const near = pair[side].open({ service: 'web', visitor: '' });
  await until(() => far.length > before);
  return [near, far[before] as Stream];
}

export function other(side: Side): Side {
  return side === 'bastion' ? 'agent' : 'bastion';
}

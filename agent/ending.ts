// Ends a command in good order: a Jupyter is asked, others get the signal, and what is still there after the grace is killed.

import type { Clock } from '../shared/mux/clock.ts';
import type { Child } from './child.ts';

export interface EndingOptions {
  readonly child: Pick<Child, 'exited' | 'signal'>;
  /** Asks the command itself to end; true when it will. */
  readonly ask?: (() => Promise<boolean>) | undefined;
  /** From the first word to SIGKILL, in milliseconds. */
  readonly graceMs: number;
  readonly clock: Clock;
}

/** Part of the grace after which one that said it would end is sent the signal all the same. */
const PATIENCE_PART = 0.6;

/** Resolves when the command has ended. */
export async function endCommand(options: EndingOptions, signal: NodeJS.Signals): Promise<void> {
  const { child, ask, graceMs, clock } = options;
  const kill = clock.setTimeout(() => child.signal('SIGKILL'), graceMs);
  let asked: unknown;
  try {
    if (ask === undefined) child.signal(signal);
    else {
      asked = clock.setTimeout(() => child.signal('SIGTERM'), graceMs * PATIENCE_PART);
      if (!(await ask())) child.signal(signal);
    }
    await child.exited;
  } finally {
    clock.clearTimeout(kill);
    clock.clearTimeout(asked);
  }
}

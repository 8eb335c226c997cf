// The end of a program: the first signal asks it to finish what it does, the second to stop at once.

import type { EventEmitter } from 'node:events';

export interface ShutdownSteps {
  /** Finish; called once, with the first signal. A rejection counts as an end, too. */
  graceful(signal: NodeJS.Signals): Promise<void>;
  /** Stop without waiting; called once, with the second signal while `graceful` still runs. */
  now(signal: NodeJS.Signals): void;
}

export interface Shutdown {
  /** The first signal, once the graceful end is over or `now` has been called; rejects as `graceful` did. */
  readonly done: Promise<NodeJS.Signals>;
  /** Gives the signals back to whoever had them; idempotent. */
  dispose(): void;
}

const STOP_SIGNALS: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGINT'];

/** Takes over the stop signals until disposed. `source` is the process; tests bring their own. */
export function onShutdown(steps: ShutdownSteps, source: EventEmitter = process): Shutdown {
  let first: NodeJS.Signals | undefined;
  let stopped = false;
  const end = Promise.withResolvers<NodeJS.Signals>();
  // Nobody has to await `done`: an agent may end because its notebook did.
  end.promise.catch(() => {});

  const listen = (signal: NodeJS.Signals): void => {
    if (first === undefined) {
      first = signal;
      steps.graceful(signal).then(() => end.resolve(signal), end.reject);
    } else if (!stopped) {
      stopped = true;
      steps.now(signal);
      end.resolve(first);
    }
  };
  for (const signal of STOP_SIGNALS) source.on(signal, listen);
  return {
    done: end.promise,
    dispose: () => {
      for (const signal of STOP_SIGNALS) source.off(signal, listen);
    },
  };
}

/** Calls the listener at every SIGHUP ("read your files again"); returns what ends that. */
export function onReload(listener: () => void, source: EventEmitter = process): () => void {
  source.on('SIGHUP', listener);
  return () => source.off('SIGHUP', listener);
}

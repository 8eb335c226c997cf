// Joins two duplexes: bytes both ways with back-pressure, half-closes kept, and a failure never turned into a clean end.

import type { Duplex } from 'node:stream';

import { PosternError } from '../errors.ts';
import { giveBack } from './lent-buffer.ts';

/** `failed` ended with an error, or closed before both of its directions had ended; `other` is still to be told. */
export type SpliceFailure = (failed: Duplex, other: Duplex, error: Error) => void;

/**
 * Owns both sides from the call on. Resolves, and never rejects, once both have closed. Without `onFailure`, a failure of
 * one side destroys the other with the same error; with it, the callback has to bring the other side to its end.
 */
export function splice(a: Duplex, b: Duplex, onFailure: SpliceFailure = destroyOther): Promise<void> {
  return new Promise((resolve) => {
    let open = 2;
    let failed = false;
    const closed = (): void => {
      open -= 1;
      if (open === 0) resolve();
    };
    const fail = (side: Duplex, other: Duplex, error: Error): void => {
      // The first failure is the cause; what the other side says afterwards is its echo.
      if (failed) return;
      failed = true;
      onFailure(side, other, error);
    };
    watch(a, b, fail, closed);
    watch(b, a, fail, closed);
    forward(a, b);
    forward(b, a);
  });
}

/** One direction. No promise and no closure per chunk: this is the path of every byte. */
function forward(from: Duplex, to: Duplex): void {
  from.on('data', (chunk: Buffer) => {
    const done = giveBack(chunk);
    if (to.destroyed || to.writableEnded) return done?.();
    if (!(done === undefined ? to.write(chunk) : to.write(chunk, done))) from.pause();
  });
  to.on('drain', () => from.resume());
  from.on('end', () => to.end());
}

function watch(side: Duplex, other: Duplex, fail: SpliceFailure, closed: () => void): void {
  let error: Error | undefined;
  side.on('error', (reason: Error) => {
    error = reason;
  });
  const onClose = (): void => {
    const complete = side.readableEnded && side.writableFinished;
    if (error !== undefined || !complete)
      fail(side, other, error ?? new PosternError('stream-cancelled', 'one side closed early'));
    closed();
  };
  if (side.closed) queueMicrotask(onClose);
  else side.on('close', onClose);
}

function destroyOther(_failed: Duplex, other: Duplex, error: Error): void {
  other.destroy(error);
}

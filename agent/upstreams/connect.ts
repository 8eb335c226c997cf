// Waits for an outgoing socket of either kind to stand, and turns what can go wrong into the codes of the 1200 range.

import type { Socket } from 'node:net';

import { PosternError, type ErrorCode } from '../../shared/errors.ts';
import type { OwnerCheck } from './ownership.ts';

export interface TcpOptions {
  readonly label: string;
  readonly host: string;
  readonly port: number;
  /** Runs at each dial, before the first byte; none for an upstream that may belong to anybody. */
  readonly check?: OwnerCheck | undefined;
}

const CODES = new Map<string, ErrorCode>([
  ['ECONNREFUSED', 'upstream-refused'],
  ['ENOENT', 'upstream-refused'],
  ['ENOTSOCK', 'upstream-refused'],
  ['ETIMEDOUT', 'upstream-timeout'],
  ['ECONNRESET', 'upstream-closed'],
  ['EPIPE', 'upstream-closed'],
]);

/** The code for an error of an upstream's socket, before or after it stood. */
export function upstreamCode(error: unknown): ErrorCode {
  if (error instanceof PosternError) return error.code;
  return CODES.get((error as NodeJS.ErrnoException | undefined)?.code ?? '') ?? 'upstream-failed';
}

/**
 * The socket, once `event` says that it stands and its owner was found to be right; else it is destroyed and the promise
 * rejects: with the signal's reason if that is a PosternError, else with the code that fits.
 */
export async function standing(
  socket: Socket,
  event: 'connect' | 'secureConnect',
  signal: AbortSignal,
  check: OwnerCheck | undefined,
): Promise<Socket> {
  try {
    await connected(socket, event, signal);
    await check?.();
    signal.throwIfAborted();
    if (socket.destroyed) throw new PosternError('upstream-closed', 'right after it was opened');
    return socket;
  } catch (cause) {
    socket.destroy();
    if (cause instanceof PosternError) throw cause;
    throw new PosternError(upstreamCode(cause), (cause as Error).message, { cause });
  }
}

function connected(socket: Socket, event: 'connect' | 'secureConnect', signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason as Error);
    if (signal.aborted) return abort();
    signal.addEventListener('abort', abort, { once: true });
    const done = (): void => signal.removeEventListener('abort', abort);
    // Stays for good: an error between here and the splice must not go unheard (the splice sees the close).
    socket.on('error', (error) => {
      done();
      reject(error);
    });
    socket.once(event, () => {
      done();
      resolve();
    });
    return undefined;
  });
}

// An upstream behind a TCP port or a unix socket.

import { setTimeout as delay } from 'node:timers/promises';
import { connect, type Socket } from 'node:net';

import type { PosternError } from '../../shared/errors.ts';
import { lookup } from '../../shared/net/resolve.ts';
import { standing, type TcpOptions } from './connect.ts';
import type { OwnerCheck } from './ownership.ts';
import { readInto } from './read-buffer.ts';
import type { Upstream } from './upstream.ts';

/** How often a unix socket whose queue of waiting connections is full is tried again, in milliseconds. */
const BUSY_RETRY_MS = 20;

/** A TCP port, usually on loopback. */
export function tcpUpstream({ label, host, port, check }: TcpOptions): Upstream {
  return {
    label,
    dial: (signal) => {
      const socket = readInto((onread) => connect({ host, port, lookup, noDelay: true, allowHalfOpen: true, onread }));
      return standing(socket, 'connect', signal, check);
    },
  };
}

export interface UnixOptions {
  readonly label: string;
  readonly path: string;
  readonly check?: OwnerCheck | undefined;
}

/** A unix socket: nobody else on the node can reach or take it. */
export function unixUpstream({ label, path, check }: UnixOptions): Upstream {
  const dialOnce = (signal: AbortSignal): Promise<Socket> => {
    const socket = readInto((onread) => connect({ path, allowHalfOpen: true, onread }));
    return standing(socket, 'connect', signal, check);
  };
  return {
    label,
    dial: async (signal) => {
      // Unlike TCP, the kernel doesn't queue us while the listener's backlog is full: it says EAGAIN, and we ask again.
      for (;;) {
        try {
          return await dialOnce(signal);
        } catch (error) {
          if (!isBusy(error) || signal.aborted) throw error;
        }
        await delay(BUSY_RETRY_MS, undefined, { signal }).catch(() => {});
      }
    },
  };
}

function isBusy(error: unknown): boolean {
  return ((error as PosternError).cause as NodeJS.ErrnoException | undefined)?.code === 'EAGAIN';
}

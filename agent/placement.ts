// Finds a place for the command to listen at: a free port on loopback, or a unix socket in a directory of our own.

import { lstat, mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { PosternError } from '../shared/errors.ts';
import type { Listening, Placement } from './command.ts';
import { removeLeftovers } from './leftovers.ts';
import { LONGEST_SOCKET_PATH } from './upstreams/target.ts';

export interface Place extends Placement {
  /** Removes what was made; idempotent. */
  remove(): Promise<void>;
}

/** Throws `options-invalid` when no directory takes a socket. */
export async function findPlace(listening: Listening): Promise<Place> {
  return listening === 'port' ? freePort() : privateSocket([...new Set([tmpdir(), '/tmp'])]);
}

/** Free at the time of asking; that it is still ours is checked at each dial. */
async function freePort(): Promise<Place> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return { listening: 'port', value: String(port), remove: async () => {} };
}

/** Batch systems like long paths for temporary directories, and a socket's path can't be long: the first that fits. */
async function privateSocket(parents: readonly string[]): Promise<Place> {
  let problem: unknown;
  for (const parent of parents) {
    try {
      const directory = await mkdtemp(join(parent, 'postern-')); // mode 0700
      const value = join(directory, 'socket');
      const remove = (): Promise<void> => rm(directory, { recursive: true, force: true });
      if (Buffer.byteLength(value) <= LONGEST_SOCKET_PATH) {
        const { uid } = await lstat(directory);
        await removeLeftovers({ parent, uid, now: Date.now() });
        return { listening: 'socket', value, remove };
      }
      await remove();
      problem = `${value} is too long`;
    } catch (error) {
      problem = error;
    }
  }
  throw new PosternError('options-invalid', `no directory takes a unix socket (${parents.join(', ')})`, {
    cause: problem,
  });
}

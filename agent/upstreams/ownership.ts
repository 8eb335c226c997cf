// Makes sure that what the agent reached belongs to its own user: on a shared node anybody may take a port that a notebook left.

import { readFile, stat } from 'node:fs/promises';

import { PosternError } from '../../shared/errors.ts';
import { listenersFor, parseListeners } from './socket-table.ts';

/** Throws `upstream-foreign` when what listens there is another user's, `upstream-refused` when nothing does. */
export type OwnerCheck = () => Promise<void>;

const TABLES = ['/proc/net/tcp', '/proc/net/tcp6'] as const;

/**
 * For a loopback port. To be called once a connection stands and before its first byte: whoever took the port in between
 * has seen a connection and nothing else. Where the kernel's table can't be read, the answer is no.
 */
export function portOwnedBy(uid: number, host: string, port: number): OwnerCheck {
  return async () => {
    const tables = await Promise.all(TABLES.map((path) => readFile(path, 'latin1').catch(() => undefined)));
    if (tables[0] === undefined && tables[1] === undefined)
      throw new PosternError('upstream-foreign', `cannot tell who listens on ${host}:${port} on this system`);
    const listeners = listenersFor(
      tables.flatMap((table) => parseListeners(table ?? '')),
      host,
      port,
    );
    if (listeners.length === 0)
      throw new PosternError('upstream-refused', `nobody listens on ${host}:${port} any more`);
    const foreign = listeners.find((listener) => listener.uid !== uid);
    if (foreign !== undefined)
      throw new PosternError('upstream-foreign', `${host}:${port} belongs to uid ${foreign.uid}, not to ${uid}`);
  };
}

/** For a unix socket: its file must be ours. */
export function fileOwnedBy(uid: number, path: string): OwnerCheck {
  return async () => {
    const owner = await stat(path).then(
      (entry) => entry.uid,
      () => undefined,
    );
    if (owner === undefined) throw new PosternError('upstream-refused', `${path} is gone`);
    if (owner !== uid) throw new PosternError('upstream-foreign', `${path} belongs to uid ${owner}, not to ${uid}`);
  };
}

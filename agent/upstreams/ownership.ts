// Makes sure that what the agent reached belongs to its own user: on a shared node anybody may take a port that a notebook left.

import { stat } from 'node:fs/promises';

import { PosternError } from '../../shared/errors.ts';
import { listenerSearch } from './listening-sockets.ts';

/** Throws `upstream-foreign` when what listens there is another user's, `upstream-refused` when nothing does. */
export type OwnerCheck = () => Promise<void>;

/**
 * For a loopback port. To be called once a connection stands and before its first byte: whoever took the port in between
 * has seen a connection and nothing else. Where the kernel's table can't be read, the answer is no.
 */
export function portOwnedBy(uid: number, host: string, port: number, find = listenerSearch()): OwnerCheck {
  const look = (): void => {
    const listener = find(host, port);
    if (listener === undefined)
      throw new PosternError('upstream-foreign', `cannot tell who listens on ${host}:${port} on this system`);
    if (listener === 'nobody') throw new PosternError('upstream-refused', `nobody listens on ${host}:${port} any more`);
    if (listener.uid !== uid)
      throw new PosternError('upstream-foreign', `${host}:${port} belongs to uid ${listener.uid}, not to ${uid}`);
  };
  // One look for all dials of a turn: it begins only after it was asked for, and so after their connections stood.
  let coming: Promise<void> | undefined;
  return () =>
    (coming ??= new Promise<void>((resolve) => setImmediate(resolve)).then(() => {
      coming = undefined;
      look();
    }));
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

// Removes what agents that were killed without a word left behind: private directories in which no command listens any more.

import { lstat, readdir, rmdir, unlink } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';

/** As `mkdtemp` makes them for agents. */
const NAME = /^postern-[A-Za-z0-9]{6}$/;
/** A command may take its time until it listens; milliseconds. */
const SETTLED_MS = 86_400_000;

export interface LeftoverOptions {
  /** Where agents make their directories. */
  readonly parent: string;
  /** Nothing of anybody else is touched. */
  readonly uid: number;
  /** Unix milliseconds. */
  readonly now: number;
}

/** Never rejects; what can't be looked at or removed stays. */
export async function removeLeftovers({ parent, uid, now }: LeftoverOptions): Promise<void> {
  const names = await readdir(parent).catch((): string[] => []);
  for (const name of names.filter((entry) => NAME.test(entry))) {
    const directory = join(parent, name);
    try {
      const { uid: owner, mtimeMs, mode } = await lstat(directory);
      const isPrivate = (mode & 0o170_777) === 0o040_700;
      if (!isPrivate || owner !== uid || now - mtimeMs < SETTLED_MS) continue;
      await removeDead(join(directory, 'socket'));
      // Only an empty one goes: whatever else lies in it was not ours.
      await rmdir(directory);
    } catch {
      continue;
    }
  }
}

async function removeDead(path: string): Promise<void> {
  const there = await lstat(path).catch(() => undefined);
  if (there?.isSocket() === true && !(await listens(path))) await unlink(path);
}

/** Only a refusal proves that nobody does. */
function listens(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code !== 'ECONNREFUSED'));
  });
}

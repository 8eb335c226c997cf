// Secrets in the state directory: created atomically and never overwritten, mode 0600, refused when others could read them.

import { randomBytes } from 'node:crypto';
import { chmodSync, linkSync, mkdirSync, readFileSync, statSync, unlinkSync } from 'node:fs';
import { dirname } from 'node:path';

import { PosternError } from '../../shared/errors.ts';
import { syncDirectory, writeDurably } from '../../shared/program/durable-file.ts';

/** Makes the directory (0700) if it is missing; throws PosternError `state-unusable` if it isn't ours or others may enter it. */
export function ensureSecretDirectory(path: string): void {
  try {
    if (mkdirSync(path, { recursive: true, mode: 0o700 }) !== undefined) chmodSync(path, 0o700);
  } catch (cause) {
    throw unusable(path, 'it cannot be created', cause);
  }
  checkSecretDirectory(path);
}

/** The path of a directory that is there and that nobody else may enter; throws PosternError `state-unusable`. */
export function checkSecretDirectory(path: string): string {
  const status = statSync(path, { throwIfNoEntry: false });
  if (status === undefined) throw unusable(path, 'there is no such directory');
  if (!status.isDirectory()) throw unusable(path, 'it is not a directory');
  // With mode 0700 somebody else's directory could not be used anyway, so the owner needs no check of its own.
  if ((status.mode & 0o077) !== 0) throw unusable(path, 'other users may enter it; its mode must be 0700');
  return path;
}

/**
 * The file's content; if there is none yet, `make` says what to put there. Of several processes that create it at the
 * same time one wins, and all of them return the winner's content. Throws PosternError `state-unusable`.
 */
export function readOrCreateSecret(path: string, make: () => string): string {
  const existing = readSecret(path);
  if (existing !== undefined) return existing;
  createSecret(path, make());
  const content = readSecret(path);
  if (content === undefined) throw unusable(path, 'it vanished while it was being created');
  return content;
}

/** Writes a new secret; false when the file exists already (it is left as it is). Throws PosternError `state-unusable`. */
export function createSecret(path: string, content: string): boolean {
  const draft = `${path}.${randomBytes(8).toString('hex')}.new`;
  try {
    writeDurably(draft, content, 0o600);
    // A link fails when the target exists, unlike a rename: nobody's secret is ever overwritten.
    linkSync(draft, path);
    syncDirectory(dirname(path));
    return true;
  } catch (cause) {
    if (errno(cause) === 'EEXIST') return false;
    throw unusable(path, 'it cannot be written', cause);
  } finally {
    removeIfThere(draft);
  }
}

/** The secret's content, or undefined when there is no such file. Throws PosternError `state-unusable`. */
export function readSecret(path: string): string | undefined {
  try {
    const status = statSync(path);
    if ((status.mode & 0o077) !== 0) throw unusable(path, 'other users may read it; its mode must be 0600');
    return readFileSync(path, 'utf8');
  } catch (cause) {
    if (errno(cause) === 'ENOENT') return undefined;
    if (cause instanceof PosternError) throw cause;
    throw unusable(path, 'it cannot be read', cause);
  }
}

/** Removes a file that may be gone already. */
export function removeIfThere(path: string): void {
  try {
    unlinkSync(path);
  } catch (cause) {
    if (errno(cause) !== 'ENOENT') throw unusable(path, 'it cannot be removed', cause);
  }
}

function errno(cause: unknown): string | undefined {
  return cause instanceof Error && 'code' in cause ? String(cause.code) : undefined;
}

function unusable(path: string, problem: string, cause?: unknown): PosternError {
  return new PosternError('state-unusable', `${path}: ${problem}`, { cause });
}

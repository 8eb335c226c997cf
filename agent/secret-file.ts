// Reads a secret from a file that nobody else on the node can read: the agent's token, or a service's Authorization value.

import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';

import { PosternError } from '../shared/errors.ts';

const LONGEST_SECRET = 8192;

/** The file's text without white space around it; throws `options-invalid` when it can't be read, is open to others, or holds no usable text. */
export function readSecretFile(path: string): string {
  const text = readPrivately(path).trim();
  if (text === '') throw new PosternError('options-invalid', `${path} is empty`);
  // It becomes a header's value.
  if (text.length > LONGEST_SECRET || /[^\x20-\x7e]/.test(text))
    throw new PosternError('options-invalid', `${path} holds something else than one line of printable ASCII`);
  return text;
}

/** The file's text, whatever it is; throws `options-invalid` as above. */
export function readPrivately(path: string): string {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(path, 'r');
    // On the open file, not on the path: that could be another file by the time it is read.
    const mode = fstatSync(descriptor).mode & 0o777;
    if ((mode & 0o077) !== 0)
      throw new PosternError(
        'options-invalid',
        `${path} has mode 0${mode.toString(8)}, so that others can use it: chmod 600 ${path}`,
      );
    return readFileSync(descriptor, 'utf8');
  } catch (cause) {
    if (cause instanceof PosternError) throw cause;
    throw new PosternError('options-invalid', `${path} cannot be read`, { cause });
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

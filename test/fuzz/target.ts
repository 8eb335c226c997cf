// The seam of the fuzzing: something that reads bytes of strangers, and what must hold whatever they are.

import assert from 'node:assert/strict';

import { isErrorCode, PosternError, type ErrorCode } from '../../shared/errors.ts';

export interface Target {
  /** Inputs longer than this are not tried. */
  readonly longest: number;
  /** Words that mean something to what is tested. */
  readonly dictionary: readonly Buffer[];
  /** Throws when anything but what is documented happens. */
  run(input: Buffer): void | Promise<void>;
}

/** The result, or the code of the documented error that was thrown; any other error goes on. */
export function outcome<T>(codes: readonly ErrorCode[], work: () => T): { result: T } | { code: ErrorCode } {
  try {
    return { result: work() };
  } catch (error) {
    return { code: documented(codes, error) };
  }
}

/** The code of an error that may come; throws any other. */
export function documented(codes: readonly ErrorCode[], error: unknown): ErrorCode {
  if (!(error instanceof PosternError)) throw error;
  assert.ok(isErrorCode(error.code) && codes.includes(error.code), `${error.code} is not among ${codes.join(', ')}`);
  return error.code;
}

export function words(...texts: readonly string[]): Buffer[] {
  return texts.map((text) => Buffer.from(text, 'latin1'));
}

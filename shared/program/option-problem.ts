// What is wrong with an option's text, from the parser that reads it later: so the two never disagree.

import { PosternError } from '../errors.ts';

/** The parser's complaint, or undefined when it has none. */
export function problemOf(parse: () => unknown): string | undefined {
  try {
    parse();
    return undefined;
  } catch (error) {
    return error instanceof PosternError ? (error.detail ?? error.message) : String(error);
  }
}

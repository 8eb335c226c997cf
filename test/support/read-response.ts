// Reads a whole response through the bastion's reader, in the pieces given, and says what came of it.

import { ResponseReader } from '../../bastion/forward/response.ts';
import { asPosternError, type PosternError } from '../../shared/errors.ts';

export interface ReadOptions {
  readonly method?: string;
  readonly upgrade?: boolean;
  /** The upstream ends after the last piece. */
  readonly end?: boolean;
}

export interface Read {
  interim: number[];
  status: number | undefined;
  message: string | undefined;
  rawHeaders: readonly string[];
  body: string;
  trailers: readonly string[];
  complete: boolean;
  rest: string;
  keepAlive: boolean | undefined;
  keepAliveMs: number | undefined;
  error: PosternError | undefined;
}

export function readWhole(pieces: readonly Buffer[], options: ReadOptions = {}): Read {
  const read: Read = {
    interim: [],
    status: undefined,
    message: undefined,
    rawHeaders: [],
    body: '',
    trailers: [],
    complete: false,
    rest: '',
    keepAlive: undefined,
    keepAliveMs: undefined,
    error: undefined,
  };
  const reader = new ResponseReader({
    onInterim: (head) => read.interim.push(head.status),
    onHead: ({ status, message, rawHeaders, keepAlive, keepAliveMs }) =>
      Object.assign(read, { status, message, rawHeaders, keepAlive, keepAliveMs }),
    onBody: (slice) => (read.body += slice.toString('latin1')),
    onComplete: (trailers, rest) =>
      Object.assign(read, { trailers, complete: true, rest: read.rest + rest.toString('latin1') }),
  });
  reader.expect(options.method ?? 'GET', options.upgrade ?? false);
  try {
    for (const piece of pieces) reader.read(piece);
    if (options.end === true) reader.finish();
  } catch (error) {
    read.error = asPosternError(error);
  }
  return read;
}

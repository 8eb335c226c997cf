// The log: JSON lines for machines, readable lines on a terminal, and never a secret (door of pino).

import type { Writable } from 'node:stream';

import { pino, stdTimeFunctions, type Logger } from 'pino';
import pretty from 'pino-pretty';

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Fields first, then a sentence. An error goes under `err`. */
export interface Log {
  child(bindings: object): Log;
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface LogOptions {
  /** The program, for who reads the lines of several: `postern-agent`. */
  readonly name: string;
  readonly level: LogLevel;
  /** Readable lines; without it, they are readable if the stream is a terminal. */
  readonly pretty?: boolean | undefined;
  readonly stream: Writable & { readonly isTTY?: boolean };
}

/** Field names that hold secrets somewhere in the program; at the top of a line and one level down. */
const SECRET_FIELDS = [
  'authorization',
  'cookie',
  'credential',
  'key',
  'password',
  'proof',
  'resumeKey',
  'secret',
  'token',
];

/** A log that writes to the stream given, one line per call. */
export function createLog(options: LogOptions): Log {
  const readable = options.pretty ?? options.stream.isTTY === true;
  return pino(
    {
      name: options.name,
      level: options.level,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: {
        paths: SECRET_FIELDS.flatMap((field) => [field, `*.${field}`, `*["set-${field}"]`]),
        censor: '[secret]',
      },
    },
    readable ? readableStream(options.stream) : options.stream,
  ) satisfies Logger;
}

/** For parts that need a log where nobody reads it. */
export const NO_LOG: Log = {
  child: () => NO_LOG,
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
};

function readableStream(stream: LogOptions['stream']): NodeJS.WritableStream {
  return pretty({
    destination: stream,
    sync: true,
    colorize: stream.isTTY === true,
    ignore: 'pid,hostname,name',
    translateTime: 'SYS:HH:MM:ss',
    singleLine: true,
  });
}

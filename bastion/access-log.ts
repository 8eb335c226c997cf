// The access log: one JSON line for each finished exchange, in a file of its own or among the program's messages.

import { createWriteStream } from 'node:fs';
import type { WriteStream } from 'node:fs';

import type { Log } from '../shared/program/log.ts';
import type { ExchangeRecord } from './front/front.ts';

/** Lines that wait for a slow disk take at most this many bytes; what comes then is counted and dropped. */
const MAX_WAITING = 16 * 1024 * 1024;

export interface AccessLog {
  write(record: ExchangeRecord): void;
  /** Opens the file anew, after somebody has moved it away. */
  reopen(): void;
  /** Resolves when everything is written. */
  close(): Promise<void>;
}

/** `target`: a file's path, `log` for the program's own, undefined for none. */
export function openAccessLog(target: string | undefined, log: Log): AccessLog {
  if (target === undefined) return { write: () => {}, reopen: () => {}, close: async () => {} };
  if (target !== 'log') return new AccessLogFile(target, log);
  const access = log.child({ part: 'access' });
  return { write: (record) => access.info(record, 'exchange'), reopen: () => {}, close: async () => {} };
}

class AccessLogFile implements AccessLog {
  readonly #path: string;
  readonly #log: Log;
  #file: WriteStream;
  #dropped = 0;

  constructor(path: string, log: Log) {
    this.#path = path;
    this.#log = log;
    this.#file = this.#open();
  }

  write(record: ExchangeRecord): void {
    if (this.#file.writableLength > MAX_WAITING) {
      this.#dropped += 1;
      return;
    }
    if (this.#dropped > 0) this.#confess();
    this.#file.write(`${JSON.stringify({ time: new Date().toISOString(), ...record })}\n`);
  }

  reopen(): void {
    this.#file.end();
    this.#file = this.#open();
  }

  close(): Promise<void> {
    const file = this.#file;
    return new Promise((resolve) => {
      file.once('close', () => resolve());
      file.end();
    });
  }

  #open(): WriteStream {
    const file = createWriteStream(this.#path, { flags: 'a', mode: 0o600 });
    file.on('error', (err) => this.#log.error({ err, path: this.#path }, 'the access log cannot be written'));
    return file;
  }

  #confess(): void {
    this.#log.warn(
      { lines: this.#dropped, path: this.#path },
      'lines of the access log were dropped: the disk is too slow',
    );
    this.#dropped = 0;
  }
}

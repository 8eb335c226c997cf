// The agent's credential while it runs: its file is read again and again, and a fresh one is sent before the old one ends.

import { asPosternError } from '../shared/errors.ts';
import type { Clock } from '../shared/mux/clock.ts';
import type { Log } from '../shared/program/log.ts';
import type { Info } from '../shared/wire/handshake.ts';

export interface CredentialOptions {
  /** Reads the file; throws PosternError `options-invalid`. */
  read(): string;
  /** Tells every bastion that we have a session with; dropped where there is none, which reads the file itself at the next dial. */
  send(info: Info): void;
  readonly log: Log;
  readonly clock: Clock;
  /** Unix milliseconds. */
  readonly now: () => number;
}

/** How often the file is read, in milliseconds; more often in the last minutes of a credential, and for short-lived ones. */
const LOOK_EVERY_MS = 30_000;
const LOOK_AT_LEAST_EVERY_MS = 500;
/** So long before the end a person is told that there is no fresh one; milliseconds. */
const WARN_BEFORE_MS = 600_000;

export class Credential {
  readonly #options: CredentialOptions;
  /** The last one that a bastion was shown. */
  #shown: string;
  #expiresAt = Infinity;
  #warnedOf = 0;
  #problem: string | undefined;
  #timer: unknown;
  #ended = false;

  /** Throws PosternError `options-invalid`, so that a mistake is told before anything starts. */
  constructor(options: CredentialOptions) {
    this.#options = options;
    this.#shown = options.read();
  }

  /** A bastion took us, until this time (Unix milliseconds). */
  holdsUntil(expiresAt: number): void {
    this.#expiresAt = expiresAt;
    if (this.#ended) return;
    this.#options.clock.clearTimeout(this.#timer);
    this.#wait();
  }

  /** What the bastion made of a fresh one. */
  judged(info: Extract<Info, { type: 'credential-judged' }>): void {
    const until = new Date(info.expiresAt).toISOString();
    const { log } = this.#options;
    if (info.code !== undefined)
      log.warn({ code: info.code, until }, 'The bastion does not take the fresh credential; the old one holds on');
    else if (info.expiresAt !== this.#expiresAt) log.info({ until }, 'The bastion took the fresh credential');
    this.holdsUntil(info.expiresAt);
  }

  /** No more. Idempotent. */
  close(): void {
    this.#ended = true;
    this.#options.clock.clearTimeout(this.#timer);
  }

  #wait(): void {
    const { clock, now } = this.#options;
    const remaining = this.#expiresAt - now();
    const ms = Math.min(LOOK_EVERY_MS, Math.max(LOOK_AT_LEAST_EVERY_MS, remaining / 10));
    this.#timer = clock.setTimeout(() => this.#look(), ms);
  }

  #look(): void {
    const fresh = this.#readFresh();
    if (fresh !== undefined) {
      this.#shown = fresh;
      this.#options.send({ type: 'credential', credential: fresh });
    } else this.#warn();
    this.#wait();
  }

  /** The file's credential if it is another one than was shown. Whoever writes the file may just be doing so: then it is read later. */
  #readFresh(): string | undefined {
    const { read, log } = this.#options;
    try {
      const text = read();
      this.#problem = undefined;
      return text === this.#shown ? undefined : text;
    } catch (cause) {
      const { message } = asPosternError(cause);
      if (message !== this.#problem) log.warn({ problem: message }, 'The file of the credential cannot be read again');
      this.#problem = message;
      return undefined;
    }
  }

  #warn(): void {
    const { log, now } = this.#options;
    const remaining = this.#expiresAt - now();
    if (remaining > WARN_BEFORE_MS || this.#warnedOf === this.#expiresAt) return;
    this.#warnedOf = this.#expiresAt;
    const until = new Date(this.#expiresAt).toISOString();
    log.warn({ until }, 'The credential ends soon, and visitors lose the notebook: put a fresh one into its file');
  }
}

// `postern-agent run` from the start of its command to the command's end, which is also the tunnel's.

import type { PosternError } from '../shared/errors.ts';
import type { Log } from '../shared/program/log.ts';
import type { Child } from './child.ts';
import { EXIT } from './exit-code.ts';
import type { Offer } from './offer.ts';

export interface NotebookRunOptions {
  readonly child: Pick<Child, 'exited' | 'signal'>;
  readonly offer: Pick<Offer, 'start' | 'ready' | 'exited' | 'close' | 'destroy' | 'ended'>;
  /** Resolves with the command's first answer; rejects when aborted. */
  answered(signal: AbortSignal): Promise<void>;
  /** How long that may take, in milliseconds; 0 for ever. */
  readonly patienceMs: number;
  /** Ends the command in good order, and kills what does not end; resolves when it has ended. */
  end(signal: NodeJS.Signals): Promise<void>;
  cleanUp(): Promise<void>;
  readonly log: Log;
}

export class NotebookRun {
  /** The command's exit code; or, where the agent had to end the command, why. */
  readonly done: Promise<number>;
  readonly #options: NotebookRunOptions;
  readonly #over = new AbortController();
  /** Overrides the command's exit code. */
  #verdict: number | undefined;

  constructor(options: NotebookRunOptions) {
    this.#options = options;
    this.done = this.#live();
    void this.#awaitAnswer();
    void options.offer.ended.then((error) => this.#refused(error));
    options.offer.start();
  }

  async stop(signal: NodeJS.Signals): Promise<void> {
    await this.#options.end(signal);
    await this.done;
  }

  kill(): void {
    this.#options.child.signal('SIGKILL');
    this.#options.offer.destroy();
  }

  abandon(): void {
    this.#options.child.signal('SIGTERM');
  }

  async #live(): Promise<number> {
    const { child, offer, log } = this.#options;
    const code = await child.exited;
    this.#over.abort();
    log.info({ exit: code }, 'The command has ended');
    offer.exited(code);
    await offer.close();
    await this.#options.cleanUp();
    return this.#verdict ?? code;
  }

  async #awaitAnswer(): Promise<void> {
    const { patienceMs, offer, log } = this.#options;
    const patience = patienceMs === 0 ? [] : [AbortSignal.timeout(patienceMs)];
    try {
      await this.#options.answered(AbortSignal.any([this.#over.signal, ...patience]));
      offer.ready();
    } catch {
      if (this.#over.signal.aborted) return;
      log.error({ patienceSeconds: patienceMs / 1000 }, 'The command does not answer: it is stopped (see --patience)');
      await this.#terminate(EXIT.silent);
    }
  }

  /** Only a refusal for good ends the command, and there is none after the first registration. */
  async #refused(error: PosternError): Promise<void> {
    if (error.code === 'session-closed' || error.code === 'replaced') return;
    const { log } = this.#options;
    log.error({ code: error.code }, `The bastion refused: ${error.message}. ${error.entry.advice}`);
    await this.#terminate(EXIT.refused);
  }

  async #terminate(verdict: number): Promise<void> {
    this.#verdict ??= verdict;
    await this.#options.end('SIGTERM');
  }
}

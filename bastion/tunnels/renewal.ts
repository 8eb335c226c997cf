// Renewing a tunnel's credential while it serves: the fresh one is verified like the first, and must be the same owner's.

import { PosternError, asPosternError } from '../../shared/errors.ts';
import type { ErrorCode } from '../../shared/errors.ts';
import type { Authenticator, Identity } from '../auth/authenticator.ts';
import { covers } from '../auth/name-patterns.ts';
import type { Standing } from '../auth/revocations.ts';

/** The tunnel whose credential is renewed. */
export interface Renewable {
  readonly identity: Identity;
  readonly names: readonly string[];
  readonly leaving: boolean;
  /** From now on it rests on this identity. */
  renew(identity: Identity): void;
  /** Tells the agent what became of its credential: undefined, it was taken. */
  judged(code: ErrorCode | undefined): void;
}

/** One credential of a tunnel is looked at at a time, and of those that come meanwhile only the last. */
export class Renewal {
  readonly #tunnel: Renewable;
  readonly #authenticator: Authenticator;
  readonly #standing: Standing;
  #waiting: string | undefined;
  #busy = false;

  constructor(tunnel: Renewable, authenticator: Authenticator, standing: Standing) {
    this.#tunnel = tunnel;
    this.#authenticator = authenticator;
    this.#standing = standing;
  }

  /** The agent sent a fresh credential. */
  offered(credential: string): void {
    this.#waiting = credential;
    if (!this.#busy) void this.#work();
  }

  async #work(): Promise<void> {
    this.#busy = true;
    while (this.#waiting !== undefined) {
      const credential = this.#waiting;
      this.#waiting = undefined;
      const code = await this.#judge(credential);
      // Nobody is left to hear it, or something newer is on its way.
      if (!this.#tunnel.leaving && this.#waiting === undefined) this.#tunnel.judged(code);
    }
    this.#busy = false;
  }

  /** Renews the tunnel, or answers why not; the old credential then holds for as long as it does. */
  async #judge(credential: string): Promise<ErrorCode | undefined> {
    try {
      const identity = await this.#authenticator.authenticate(credential, 'agent');
      if (identity === undefined) throw new PosternError('credential-invalid');
      const over = this.#standing(identity);
      if (over !== undefined) throw new PosternError(over);
      const { owner } = this.#tunnel.identity;
      if (identity.owner !== owner) throw new PosternError('credential-invalid', "it is another owner's");
      if (!this.#tunnel.names.every((name) => covers(identity.names, name))) throw new PosternError('name-not-allowed');
      if (!this.#tunnel.leaving) this.#tunnel.renew(identity);
      return undefined;
    } catch (error) {
      return asPosternError(error).code;
    }
  }
}

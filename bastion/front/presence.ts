// Who is here on a right that may end before they leave: asked again now and then, and cut when it has ended.

import type { PosternError } from '../../shared/errors.ts';

/** Why somebody may not be here any more; undefined as long as they may. */
export type Recheck = () => PosternError | undefined;

export class Presences {
  readonly #present = new Set<Presence>();

  /** From now on, until it is over; `cutOff` ends what it is about. */
  attend(recheck: Recheck, cutOff: (error: PosternError) => void): Presence {
    const presence = new Presence(recheck, cutOff, this.#present);
    this.#present.add(presence);
    return presence;
  }

  /** Asks again whether everybody who is here may be, and cuts those who may not. */
  recheck(): void {
    for (const presence of [...this.#present]) presence.recheck();
  }
}

/** One exchange, and the protocol that it may have switched to: that lives for days, so nothing of the request is kept here. */
export class Presence {
  readonly #recheck: Recheck;
  readonly #all: Set<Presence>;
  #cutOff: (error: PosternError) => void;

  constructor(recheck: Recheck, cutOff: (error: PosternError) => void, all: Set<Presence>) {
    this.#recheck = recheck;
    this.#cutOff = cutOff;
    this.#all = all;
  }

  recheck(): void {
    const error = this.#recheck();
    if (error !== undefined) this.#cutOff(error);
  }

  /** It carries another protocol now, which `cut` ends. */
  switched(cut: () => void): void {
    this.#cutOff = cut;
  }

  /** Idempotent. */
  over(): void {
    this.#all.delete(this);
  }
}

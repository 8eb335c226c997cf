// Whose the names are, across restarts: the first to claim a name has it for good, and only an administrator can change that.

import { PosternError } from '../../shared/errors.ts';
import { ownerProblem } from '../auth/owner.ts';
import type { NameRecord } from '../store/records.ts';
import type { Store } from '../store/store.ts';
import { nameProblem } from './names.ts';
import type { Reservation } from './registration.ts';

/** When a name was used is written down to the hour: agents that come back by the thousand must not wait for the disk. */
const USED_EVERY_MS = 3_600_000;

export interface OwnershipOptions {
  readonly store: Pick<Store, 'names' | 'atomically'>;
  /** Names that one owner may hold, where no administrator reserves them. */
  readonly namesPerOwner: number;
  /** Unix milliseconds. */
  readonly now?: () => number;
}

export class Ownership {
  readonly #names: Store['names'];
  readonly #store: OwnershipOptions['store'];
  readonly #namesPerOwner: number;
  readonly #now: () => number;

  constructor({ store, namesPerOwner, now = Date.now }: OwnershipOptions) {
    this.#store = store;
    this.#names = store.names;
    this.#namesPerOwner = namesPerOwner;
    this.#now = now;
  }

  /** What the registration table must know of a name; undefined: it was never claimed. */
  reservation(name: string): Reservation | undefined {
    const record = this.#names.get(name);
    return record === undefined ? undefined : { owner: record.owner, held: isHeld(record) };
  }

  /** Somebody holds the name, so that an agent may come. */
  isAwaited(name: string): boolean {
    const record = this.#names.get(name);
    return record !== undefined && isHeld(record);
  }

  /** True when the name is another owner's by now. */
  isForeign(name: string, owner: string): boolean {
    const record = this.#names.get(name);
    return record !== undefined && record.owner !== owner;
  }

  /** How many more names the owner may take. */
  room(owner: string): number {
    return this.#namesPerOwner - this.#names.group(owner).filter(isHeld).length;
  }

  /**
   * Makes the names the owner's, on disk before it returns. The table has allowed it; another process may have been quicker:
   * throws PosternError `name-taken`, and nothing has changed. Answers the names that were not the owner's before.
   */
  claim(names: readonly string[], owner: string): string[] {
    const now = this.#now();
    if (names.every((name) => isFresh(this.#names.get(name), owner, now))) return [];
    return this.#store.atomically(() => {
      const added = names.filter((name) => this.reservation(name)?.held !== true);
      for (const name of names) this.#names.put(this.#claimed(name, owner, now));
      return added;
    });
  }

  /** Every name, or those of one owner, given up ones included. */
  list(owner?: string): NameRecord[] {
    return owner === undefined ? this.#names.all() : this.#names.group(owner);
  }

  show(name: string): NameRecord | undefined {
    return this.#names.get(name);
  }

  /** For an owner whose job has not started yet. Throws PosternError: name-invalid, name-taken, options-invalid. */
  reserve(name: string, owner: string): NameRecord {
    check(name, owner);
    return this.#store.atomically(() => {
      const record = this.#claimed(name, owner, this.#now());
      this.#names.put(record);
      return record;
    });
  }

  /** Given up: nobody is awaited under it, and only the same owner can have it back. Throws PosternError `name-unknown`. */
  release(name: string): NameRecord {
    return this.#change(name, (record) => (isHeld(record) ? { ...record, released: this.#now() } : record));
  }

  /** Takes the name from whoever had it and makes it another owner's. Throws PosternError: name-invalid, options-invalid. */
  give(name: string, owner: string): NameRecord {
    check(name, owner);
    return this.#store.atomically(() => {
      const [before, now] = [this.#names.get(name), this.#now()];
      const epoch = before === undefined || before.owner === owner ? (before?.epoch ?? 0) : before.epoch + 1;
      const record = { name, owner, since: now, lastUsed: now, epoch };
      this.#names.put(record);
      return record;
    });
  }

  /** Takes the name from whoever had it: the next to claim it has it. Throws PosternError `name-unknown`. */
  free(name: string): NameRecord {
    const now = this.#now();
    return this.#change(name, ({ epoch }) => ({ name, since: now, lastUsed: now, epoch: epoch + 1 }));
  }

  #change(name: string, to: (record: NameRecord) => NameRecord): NameRecord {
    return this.#store.atomically(() => {
      const record = this.#names.get(name);
      if (record === undefined) throw new PosternError('name-unknown', name);
      const changed = to(record);
      this.#names.put(changed);
      return changed;
    });
  }

  #claimed(name: string, owner: string, now: number): NameRecord {
    const before = this.#names.get(name);
    if (before?.owner !== undefined && before.owner !== owner) throw new PosternError('name-taken', name);
    const since = before?.owner === undefined ? now : before.since;
    return { name, owner, since, lastUsed: now, epoch: before?.epoch ?? 0 };
  }
}

function isHeld({ owner, released }: NameRecord): boolean {
  return owner !== undefined && released === undefined;
}

function isFresh(record: NameRecord | undefined, owner: string, now: number): boolean {
  return record !== undefined && record.owner === owner && isHeld(record) && now - record.lastUsed < USED_EVERY_MS;
}

function check(name: string, owner: string): void {
  const [badName, badOwner] = [nameProblem(name), ownerProblem(owner)];
  if (badName !== undefined) throw new PosternError('name-invalid', badName);
  if (badOwner !== undefined) throw new PosternError('options-invalid', `owner ${badOwner}`);
}

// The rotating keys that sign visitors' cookies: one file each in the state directory, so that restarts keep sessions alive.

import { randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';

import { BoundedMap } from '../../shared/bounded-map.ts';
import { createSecret, ensureSecretDirectory, readSecret, removeIfThere } from './secret-files.ts';

const KEY_NAME = /^(\d{13})-[0-9a-f]{8}$/;
/** An unknown key id makes the directory be read again at most this often, in milliseconds. */
const RELOAD_INTERVAL = 5_000;

export interface SessionKey {
  readonly id: string;
  readonly secret: Buffer;
}

export interface SessionKeysOptions {
  readonly directory: string;
  /** A new key is made when the newest is older than this, in milliseconds. */
  readonly rotateAfterMs: number;
  /** How long after its replacement a key still verifies, in milliseconds: the lifetime of a visitor's session. */
  readonly keepMs: number;
  /** Unix milliseconds. */
  readonly now?: () => number;
}

/** Throws PosternError `state-unusable` when the directory can't be used; several processes may share it. */
export class SessionKeys {
  readonly #options: SessionKeysOptions;
  readonly #now: () => number;
  #keys = new Map<string, SessionKey>();
  #loadedAt = 0;
  readonly #unknown = new BoundedMap<string, true>(1000);

  constructor(options: SessionKeysOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
    ensureSecretDirectory(options.directory);
    this.#load();
  }

  /** The key to sign with. */
  current(): SessionKey {
    const newest = this.#newest();
    if (newest !== undefined && this.#now() - createdAt(newest.id) < this.#options.rotateAfterMs) return newest;
    return this.#rotate();
  }

  /** The key of that id, or undefined; a key that another process just made is found too. */
  find(id: string): SessionKey | undefined {
    const known = this.#keys.get(id);
    if (known !== undefined) return known;
    if (!KEY_NAME.test(id) || this.#unknown.has(id) || this.#now() - this.#loadedAt < RELOAD_INTERVAL) return undefined;
    this.#load();
    const found = this.#keys.get(id);
    if (found === undefined) this.#unknown.set(id, true);
    return found;
  }

  #newest(): SessionKey | undefined {
    return [...this.#keys.values()].reduce<SessionKey | undefined>(
      (newest, key) => (newest === undefined || key.id > newest.id ? key : newest),
      undefined,
    );
  }

  #rotate(): SessionKey {
    this.#load();
    const newest = this.#newest();
    if (newest !== undefined && this.#now() - createdAt(newest.id) < this.#options.rotateAfterMs) return newest;
    const key = { id: `${this.#now()}-${randomBytes(4).toString('hex')}`, secret: randomBytes(32) };
    createSecret(join(this.#options.directory, key.id), key.secret.toString('hex'));
    this.#keys.set(key.id, key);
    this.#dropOld();
    return key;
  }

  #load(): void {
    this.#loadedAt = this.#now();
    const keys = new Map<string, SessionKey>();
    for (const id of readdirSync(this.#options.directory)) {
      if (!KEY_NAME.test(id)) continue;
      const secret = readSecret(join(this.#options.directory, id));
      if (secret !== undefined && /^[0-9a-f]{64}$/.test(secret))
        keys.set(id, { id, secret: Buffer.from(secret, 'hex') });
    }
    this.#keys = keys;
  }

  #dropOld(): void {
    const oldest = this.#now() - this.#options.rotateAfterMs - this.#options.keepMs;
    for (const id of this.#keys.keys()) {
      if (createdAt(id) >= oldest) continue;
      this.#keys.delete(id);
      removeIfThere(join(this.#options.directory, id));
    }
  }
}

function createdAt(id: string): number {
  return Number(KEY_NAME.exec(id)?.[1] ?? 0);
}

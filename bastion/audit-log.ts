// The audit log: JSON lines that are only ever added to, in a file that nobody else can read, put aside when it is long.

import { closeSync, fstatSync, openSync, readdirSync, renameSync, statSync, unlinkSync, writeSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

import { PosternError } from '../shared/errors.ts';
import type { Log } from '../shared/program/log.ts';
import type { Audit, AuditEvent } from './audit.ts';

export interface AuditLogOptions {
  readonly path: string;
  /** A file that has grown to so many bytes is put aside. */
  readonly rotateBytes: number;
  /** So many are kept besides the one that is written; more are removed, the oldest first. */
  readonly keep: number;
  readonly log: Log;
  /** Unix milliseconds. */
  readonly now?: () => number;
}

/**
 * Several processes may write one file: each line is one write to its end. Lines are not fsynced one by one; they survive a
 * crash of the process, and what a crash of the host leaves of the last ones is for its file system to say.
 */
export class AuditLog implements Audit {
  readonly #options: AuditLogOptions;
  readonly #now: () => number;
  #file: number | undefined;
  #lost = 0;

  /** Throws PosternError `options-invalid` when the file can't be written, or others can read it. */
  constructor(options: AuditLogOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#file = this.#open();
  }

  /** Lines that could not be written. */
  get lost(): number {
    return this.#lost;
  }

  record(event: AuditEvent): void {
    const line = `${JSON.stringify({ time: new Date(this.#now()).toISOString(), ...event })}\n`;
    try {
      this.#file ??= this.#open();
      writeSync(this.#file, line);
      if (fstatSync(this.#file).size >= this.#options.rotateBytes) this.#rotate();
    } catch (err) {
      this.#lost += 1;
      // What can't be audited is at least told; the lines themselves stay out of other logs.
      if (this.#lost === 1 || this.#lost % 1000 === 0)
        this.#options.log.error({ err, lost: this.#lost }, 'the audit log cannot be written');
    }
  }

  /** Opens the file anew, after somebody has moved it away. */
  reopen(): void {
    this.close();
  }

  /** Idempotent; a later event opens it again. */
  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }

  #open(): number {
    const { path } = this.#options;
    let file: number | undefined;
    try {
      file = openSync(path, 'a', 0o600);
      if ((fstatSync(file).mode & 0o077) === 0) return file;
    } catch (cause) {
      throw new PosternError('options-invalid', `the audit log ${path} cannot be written`, { cause });
    }
    closeSync(file);
    throw new PosternError('options-invalid', `${path}: other users may read it; its mode must be 0600`);
  }

  /** Another process may have put the file aside already: then only the new one is opened. */
  #rotate(): void {
    const { path, rotateBytes } = this.#options;
    this.close();
    if (statSync(path).size < rotateBytes) return;
    const stamp = new Date(this.#now()).toISOString().replaceAll(/[-:]/g, '');
    renameSync(path, `${path}.${stamp}`);
    this.#dropOld();
  }

  #dropOld(): void {
    const { path, keep } = this.#options;
    const [folder, name] = [dirname(path), basename(path)];
    const aside = readdirSync(folder).filter(
      (file) => file.startsWith(`${name}.`) && /\.\d{8}T\d{6}\.\d{3}Z$/.test(file),
    );
    for (const file of aside.toSorted().slice(0, Math.max(0, aside.length - keep))) unlinkSync(join(folder, file));
  }
}

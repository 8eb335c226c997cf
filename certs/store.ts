// Keeps a CA and its leaf in a directory: never half-written, never overwriting a CA, keys readable by their owner only.

import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { PosternError } from '../shared/errors.ts';
import { syncDirectory, writeDurably } from '../shared/program/durable-file.ts';
import { createAuthority, readAuthority, type Authority } from './authority.ts';
import { isIssuedBy, issueLeaf, readLeaf, type Leaf } from './leaf.ts';

/** Both files of the CA are in one directory, so that they appear together, by one rename. */
const CA_FOLDER = 'ca';
const CERTIFICATE = 'certificate.pem';
const KEY = 'key.pem';
/** Certificate and key of the leaf in one file, so that one rename replaces both. */
const LEAF = 'leaf.pem';

/** Where the CA's certificate is, for those who have to trust it. */
export function authorityPath(directory: string): string {
  return join(directory, CA_FOLDER, CERTIFICATE);
}

/** The CA in the directory, or undefined if there is none. Throws `ca-invalid`, `state-unusable`. */
export function loadAuthority(directory: string): Authority | undefined {
  const certificate = readIfThere(authorityPath(directory));
  const key = readIfThere(join(directory, CA_FOLDER, KEY));
  if (certificate === undefined && key === undefined) return undefined;
  if (certificate === undefined || key === undefined)
    throw new PosternError(
      'ca-invalid',
      `${join(directory, CA_FOLDER)} lacks ${key === undefined ? KEY : CERTIFICATE}`,
    );
  return readAuthority(certificate, key);
}

/** A new CA, written to the directory. Throws `ca-exists`, `state-unusable`, `certificate-invalid`. */
export function createAuthorityIn(directory: string, domain: string, now: number): Authority {
  if (loadAuthority(directory) !== undefined) throw new PosternError('ca-exists', directory);
  const authority = createAuthority({ domain, now });
  const folder = join(directory, CA_FOLDER);
  onDisk(directory, () => {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const temporary = mkdtempSync(`${folder}.new-`);
    try {
      writeDurably(join(temporary, KEY), exportKey(authority), 0o600);
      writeDurably(join(temporary, CERTIFICATE), authority.certificate, 0o644);
      syncDirectory(temporary);
      // Fails if another process has just put its CA there: a directory that holds files is never replaced.
      renameSync(temporary, folder);
    } catch (error) {
      rmSync(temporary, { recursive: true, force: true });
      throw hasCode(error, 'ENOTEMPTY', 'EEXIST') ? new PosternError('ca-exists', directory) : error;
    }
    syncDirectory(directory);
  });
  return authority;
}

/**
 * The CA in the directory, made if there is none. Throws `ca-invalid` when it is for another domain: its name constraints
 * would make every certificate unusable.
 */
export function openAuthority(directory: string, domain: string, now: number): Authority {
  const authority = loadAuthority(directory) ?? createOrLoad(directory, domain, now);
  if (authority.domain !== domain)
    throw new PosternError('ca-invalid', `the CA in ${directory} is for ${authority.domain}, not for ${domain}`);
  if (authority.expiresAt <= now) throw new PosternError('ca-invalid', `the CA in ${directory} has expired`);
  return authority;
}

/** The leaf in the directory if it is good for a while yet, else a new one, written there. Throws `state-unusable`. */
export function openLeaf(directory: string, authority: Authority, now: number): Leaf {
  const stored = loadLeaf(directory);
  if (stored !== undefined && now < stored.renewAt && isIssuedBy(authority, stored)) return stored;
  const leaf = issueLeaf(authority, { now });
  writeAtomically(join(directory, LEAF), leaf.certificate + leaf.key, 0o600);
  return leaf;
}

/** Replaces a file in one step; what is there afterwards is whole, even after a power cut. Throws `state-unusable`. */
export function writeAtomically(path: string, text: string, mode: number): void {
  onDisk(path, () => {
    const temporary = mkdtempSync(`${path}.new-`);
    try {
      writeDurably(join(temporary, 'file'), text, mode);
      renameSync(join(temporary, 'file'), path);
    } finally {
      rmSync(temporary, { recursive: true, force: true });
    }
    syncDirectory(dirname(path));
  });
}

function createOrLoad(directory: string, domain: string, now: number): Authority {
  try {
    return createAuthorityIn(directory, domain, now);
  } catch (error) {
    const winner = error instanceof PosternError && error.code === 'ca-exists' ? loadAuthority(directory) : undefined;
    if (winner === undefined) throw error;
    return winner;
  }
}

/** A damaged leaf counts as none: it is replaced at no cost, unlike a CA. */
function loadLeaf(directory: string): Leaf | undefined {
  const text = readIfThere(join(directory, LEAF));
  const keyAt = text?.indexOf('-----BEGIN PRIVATE KEY-----') ?? -1;
  if (text === undefined || keyAt < 0) return undefined;
  try {
    return readLeaf(text.slice(0, keyAt), text.slice(keyAt));
  } catch {
    return undefined;
  }
}

function exportKey(authority: Authority): string {
  return authority.key.export({ type: 'pkcs8', format: 'pem' }) as string;
}

function readIfThere(path: string): string | undefined {
  return onDisk(path, () => {
    try {
      return readFileSync(path, 'utf8');
    } catch (error) {
      if (hasCode(error, 'ENOENT')) return undefined;
      throw error;
    }
  });
}

function onDisk<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    if (cause instanceof PosternError) throw cause;
    throw new PosternError('state-unusable', `${path}: ${(cause as Error).message}`, { cause });
  }
}

function hasCode(error: unknown, ...codes: readonly string[]): boolean {
  return codes.includes((error as NodeJS.ErrnoException).code ?? '');
}

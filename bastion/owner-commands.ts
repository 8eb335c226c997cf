// What administrators do about tokens and names, on the same store as a running bastion: it notices within a second.

import { PosternError } from '../shared/errors.ts';
import type { TokenBook, TokenState } from './auth/token-book.ts';
import type { OwnerCommand } from './owner-options.ts';
import type { NameRecord } from './store/records.ts';
import type { Ownership } from './tunnels/ownership.ts';

export type TokenCommand = Extract<OwnerCommand, { command: `token ${string}` }>;
type NameCommand = Extract<OwnerCommand, { command: `name ${string}` }>;

/** Does what was asked for and answers what to print. Rejects with PosternError: options-invalid, token-unknown. */
export async function runTokenCommand({ command, values }: TokenCommand, book: TokenBook): Promise<string> {
  switch (command) {
    case 'token create': {
      const { owner, name, use, ttl } = values;
      return `${(await book.create({ owner, names: name, use, ttlMs: ttl }, 'command line')).token}\n`;
    }
    case 'token list':
      return tokenTable(book.list(values.owner));
    case 'token revoke':
      for (const id of values.id) book.revoke(id, values.unknown);
      if (values.owner !== undefined) book.revokeOwner(values.owner);
      return '';
  }
}

/** Does what was asked for and answers what to print. Throws PosternError: name-unknown, name-taken, name-invalid. */
export function runNameCommand({ command, values }: NameCommand, ownership: Ownership): string {
  switch (command) {
    case 'name list':
      return nameTable(ownership.list(values.owner));
    case 'name show':
      return nameTable([known(ownership.show(values.name), values.name)]);
    case 'name reserve':
      return nameTable([ownership.reserve(values.name, values.owner)]);
    case 'name release':
      return nameTable([ownership.release(values.name)]);
    case 'name give':
      return nameTable([ownership.give(values.name, values.owner)]);
    case 'name free':
      return nameTable([ownership.free(values.name)]);
  }
}

function known(record: NameRecord | undefined, name: string): NameRecord {
  if (record === undefined) throw new PosternError('name-unknown', name);
  return record;
}

function nameTable(records: readonly NameRecord[]): string {
  const rows = records.map(({ name, owner, since, lastUsed, released }) => [
    name,
    owner ?? '-',
    owner === undefined ? 'free' : released === undefined ? 'held' : 'released',
    day(since),
    day(lastUsed),
  ]);
  return lines([['NAME', 'OWNER', 'STATE', 'SINCE', 'LAST USED'], ...rows]);
}

function tokenTable(tokens: readonly TokenState[]): string {
  const rows = tokens.map(({ id, owner, use, names, created, expires, revoked, by }) => [
    id,
    owner,
    use,
    names.join(','),
    revoked ? 'revoked' : expires <= Date.now() ? 'expired' : 'good',
    day(created),
    day(expires),
    by,
  ]);
  return lines([['ID', 'OWNER', 'USE', 'NAMES', 'STATE', 'MADE', 'EXPIRES', 'BY'], ...rows]);
}

function lines(rows: readonly (readonly string[])[]): string {
  return rows.map((row) => `${row.join('\t')}\n`).join('');
}

function day(at: number): string {
  return new Date(at).toISOString().slice(0, 16);
}

// What administrators do about tokens and names, on the same store as a running bastion: it notices within a second.

import { PosternError } from '../shared/errors.ts';
import type { Audit } from './audit.ts';
import type { TokenBook, TokenRequest, TokenState } from './auth/token-book.ts';
import type { TokenLimits } from './auth/token-limits.ts';
import type { OwnerCommand } from './owner-options.ts';
import type { NameRecord } from './store/records.ts';
import type { Ownership } from './tunnels/ownership.ts';

export type TokenCommand = Extract<OwnerCommand, { command: `token ${string}` }>;
export type NameCommand = Extract<OwnerCommand, { command: `name ${string}` }>;

/** Does what was asked for and answers what to print. Rejects with PosternError: options-invalid, token-unknown. */
export async function runTokenCommand({ command, values }: TokenCommand, book: TokenBook, by: string): Promise<string> {
  switch (command) {
    case 'token create': {
      return `${(await book.create(requestOf(values), by)).token}\n`;
    }
    case 'token list':
      return tokenTable(book.list(values.owner));
    case 'token revoke':
      for (const id of values.id) {
        if (values.unknown) book.revokeAny(id, by);
        else book.revoke(id, by);
      }
      if (values.owner !== undefined) book.revokeOwner(values.owner, by);
      return '';
  }
}

function requestOf(values: Extract<TokenCommand, { command: 'token create' }>['values']): TokenRequest {
  const { owner, name, use, ttl, maxTunnels: tunnels, maxServices: services, maxStreams: streams } = values;
  const limits = Object.fromEntries(
    Object.entries({ tunnels, services, streams }).filter(([, limit]) => limit !== undefined),
  ) as TokenLimits;
  const uses = values.grant.length === 0 ? (['agent'] as const) : (values.grant as readonly ('agent' | 'visitor')[]);
  return {
    owner,
    names: name,
    use,
    ttlMs: ttl,
    ...(Object.keys(limits).length === 0 ? {} : { limits }),
    ...(use === 'api' ? { issuing: { owners: values.for, uses, maxTtlMs: values.maxTtl } } : {}),
  };
}

/** What a command about names works on. */
export interface Administration {
  readonly ownership: Ownership;
  readonly audit: Audit;
  /** Who does it. */
  readonly by: string;
}

/** What a change to a name is called in the audit log. */
const NAME_EVENTS = {
  'name reserve': 'name-reserved',
  'name release': 'name-released',
  'name give': 'name-given',
  'name free': 'name-freed',
} as const;

/** Does what was asked for and answers what to print. Throws PosternError: name-unknown, name-taken, name-invalid. */
export function runNameCommand(parsed: NameCommand, { ownership, audit, by }: Administration): string {
  const { command, values } = parsed;
  if (command === 'name list') return nameTable(ownership.list(values.owner));
  if (command === 'name show') return nameTable([known(ownership.show(values.name), values.name)]);
  const record = changed(parsed, ownership);
  audit.record({ event: NAME_EVENTS[command], name: record.name, owner: record.owner, by });
  return nameTable([record]);
}

type NameChange = Extract<NameCommand, { command: keyof typeof NAME_EVENTS }>;

function changed({ command, values }: NameChange, ownership: Ownership): NameRecord {
  switch (command) {
    case 'name reserve':
      return ownership.reserve(values.name, values.owner);
    case 'name release':
      return ownership.release(values.name);
    case 'name give':
      return ownership.give(values.name, values.owner);
    case 'name free':
      return ownership.free(values.name);
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

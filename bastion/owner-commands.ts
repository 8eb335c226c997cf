// What administrators do about names, on the same store as a running bastion: it notices within a second.

import { PosternError } from '../shared/errors.ts';
import type { OwnerCommand } from './owner-options.ts';
import type { NameRecord } from './store/records.ts';
import type { Ownership } from './tunnels/ownership.ts';

type NameCommand = Extract<OwnerCommand, { command: `name ${string}` }>;

/** Does what was asked for and answers what to print. Throws PosternError: name-unknown, name-taken, name-invalid. */
export function runNameCommand({ command, values }: NameCommand, ownership: Ownership): string {
  switch (command) {
    case 'name list':
      return table(ownership.list(values.owner));
    case 'name show':
      return table([known(ownership.show(values.name), values.name)]);
    case 'name reserve':
      return table([ownership.reserve(values.name, values.owner)]);
    case 'name release':
      return table([ownership.release(values.name)]);
    case 'name give':
      return table([ownership.give(values.name, values.owner)]);
    case 'name free':
      return table([ownership.free(values.name)]);
  }
}

function known(record: NameRecord | undefined, name: string): NameRecord {
  if (record === undefined) throw new PosternError('name-unknown', name);
  return record;
}

function table(records: readonly NameRecord[]): string {
  const rows = records.map(({ name, owner, since, lastUsed, released }) => [
    name,
    owner ?? '-',
    owner === undefined ? 'free' : released === undefined ? 'held' : 'released',
    day(since),
    day(lastUsed),
  ]);
  return [['NAME', 'OWNER', 'STATE', 'SINCE', 'LAST USED'], ...rows].map((row) => `${row.join('\t')}\n`).join('');
}

function day(at: number): string {
  return new Date(at).toISOString().slice(0, 16);
}

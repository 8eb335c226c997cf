// What processes cost, from /proc: processor time and resident memory of a process and everything it started.

import { readFileSync, readdirSync } from 'node:fs';

export interface Cost {
  /** Seconds of user and system time so far. */
  readonly processor: number;
  /** Bytes resident now. */
  readonly resident: number;
}

/** Linux counts /proc's times in hundredths of a second on every architecture that Node runs on. */
const TICKS_PER_SECOND = 100;
const PAGE_BYTES = 4096;
/** Fields of /proc/PID/stat after the command's closing parenthesis, which may itself hold anything. */
const FIELD = { parent: 1, user: 11, system: 12, resident: 21 } as const;

/** The sum over the processes given and all their descendants; those that have ended count nothing. */
export function costOf(roots: readonly number[]): Cost {
  const fields = allStats();
  let processor = 0;
  let resident = 0;
  for (const pid of descendants(roots, fields)) {
    const stat = fields.get(pid) ?? [];
    processor += (Number(stat[FIELD.user] ?? 0) + Number(stat[FIELD.system] ?? 0)) / TICKS_PER_SECOND;
    resident += Number(stat[FIELD.resident] ?? 0) * PAGE_BYTES;
  }
  return { processor, resident };
}

/** The processes given and all that they started, directly or not. */
export function withDescendants(roots: readonly number[]): Set<number> {
  return descendants(roots, allStats());
}

function allStats(): Map<number, readonly string[]> {
  return new Map(allProcesses().map((pid) => [pid, statOf(pid)]));
}

function descendants(roots: readonly number[], fields: ReadonlyMap<number, readonly string[]>): Set<number> {
  const found = new Set(roots);
  // Adding to a set while walking it visits what was added: children of children come too.
  for (const pid of found)
    for (const [candidate, stat] of fields) if (Number(stat[FIELD.parent]) === pid) found.add(candidate);
  return found;
}

function allProcesses(): number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => Number.isInteger(pid));
}

function statOf(pid: number): string[] {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch {
    return [];
  }
}

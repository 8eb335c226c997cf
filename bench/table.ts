// The results as a table for the terminal.

import { OURS } from './results.ts';
import type { Row } from './results.ts';
import type { Spread } from './statistics.ts';
import type { Subject } from './suite.ts';

/** One table for each scenario: a line per peer and metric, median with quartiles, and our ratio to that peer. */
export function formatTables(
  rows: readonly Row[],
  scenarios: readonly Subject[],
  labels: ReadonlyMap<string, string>,
  ours: string = OURS,
): string {
  return scenarios.map((scenario) => formatTable(rows, scenario, labels, ours)).join('\n');
}

function formatTable(
  rows: readonly Row[],
  scenario: Subject,
  labels: ReadonlyMap<string, string>,
  ours: string,
): string {
  const head = ['', 'peer', 'median', 'quartiles', `${ours} / peer`, 'quartiles'];
  const lines = rows
    .filter((row) => row.scenario === scenario.name)
    .map((row, index, all) => [
      all[index - 1]?.metric === row.metric ? '' : `${row.label} (${row.unit})`,
      labels.get(row.peer) ?? row.peer,
      number(row.value.median),
      range(row.value),
      row.ratio === undefined ? '' : number(row.ratio.median),
      row.ratio === undefined ? '' : range(row.ratio),
    ]);
  return `\n${scenario.label}\n${align([head, ...lines])}\n`;
}

function align(lines: readonly (readonly string[])[]): string {
  const widths = lines[0]?.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0))) ?? [];
  return lines
    .map((line) =>
      line
        .map((cell, column) => (column < 2 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

function range(value: Spread): string {
  return `${number(value.lower)} .. ${number(value.upper)}`;
}

/** Three significant digits, whole from 100 on. */
export function number(value: number): string {
  if (!Number.isFinite(value)) return '-';
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en');
  return Number(value.toPrecision(3)).toString();
}

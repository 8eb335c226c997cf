// The results as an SVG for the documentation: one panel per chosen metric, a bar per peer with its quartiles.

import type { Row } from './results.ts';
import { OURS } from './results.ts';
import { number } from './table.ts';

export interface Panel {
  readonly scenario: string;
  readonly metric: string;
  readonly title: string;
}

const WIDTH = 880;
const LABELS = 190;
const VALUES = 110;
const BAR = 18;
const GAP = 8;
const HEAD = 34;
const SPACE = 22;
const COLOUR = { ours: '#0b6e4f', theirs: '#8a97a6', text: '#24292f', quiet: '#57606a', whisker: '#24292f' } as const;

/** The whole picture; panels without rows are left out. */
export function plot(
  rows: readonly Row[],
  panels: readonly Panel[],
  labels: ReadonlyMap<string, string>,
  caption: string,
): string {
  let y = SPACE;
  const drawn = panels.flatMap((panel) => {
    const bars = rows.filter((row) => row.scenario === panel.scenario && row.metric === panel.metric);
    if (bars.length === 0) return [];
    const text = drawPanel(panel, bars, labels, y);
    y += HEAD + bars.length * (BAR + GAP) + SPACE;
    return [text];
  });
  const height = y + SPACE;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}"`,
    `  font-family="system-ui, sans-serif" font-size="13" role="img" aria-label="${escape(caption)}">`,
    `<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>`,
    ...drawn,
    `<text x="16" y="${height - 14}" fill="${COLOUR.quiet}" font-size="11">${escape(caption)}</text>`,
    '</svg>',
    '',
  ].join('\n');
}

function drawPanel(panel: Panel, bars: readonly Row[], labels: ReadonlyMap<string, string>, top: number): string {
  const room = WIDTH - LABELS - VALUES;
  const longest = Math.max(...bars.map((bar) => bar.value.upper), Number.MIN_VALUE);
  const scale = (value: number): number => Math.round((value / longest) * room * 10) / 10;
  const sense = bars[0]?.better === 'lower' ? 'less is better' : 'more is better';
  const title = `<text x="16" y="${top + 16}" font-weight="600" fill="${COLOUR.text}">${escape(panel.title)}`;
  const lines = bars.map((bar, index) => {
    const y = top + HEAD + index * (BAR + GAP);
    const middle = y + BAR / 2;
    const ours = bar.peer === OURS;
    const [lower, upper] = [LABELS + scale(bar.value.lower), LABELS + scale(bar.value.upper)];
    const weight = ours ? ' font-weight="600"' : '';
    return [
      `<text x="${LABELS - 10}" y="${middle + 4.5}" text-anchor="end" fill="${COLOUR.text}"${weight}>` +
        `${escape(labels.get(bar.peer) ?? bar.peer)}</text>`,
      `<rect x="${LABELS}" y="${y}" width="${scale(bar.value.median)}" height="${BAR}" rx="2"` +
        ` fill="${ours ? COLOUR.ours : COLOUR.theirs}"/>`,
      `<path d="M${lower} ${middle}H${upper}M${lower} ${middle - 4}v8M${upper} ${middle - 4}v8"` +
        ` stroke="${COLOUR.whisker}" fill="none"/>`,
      `<text x="${upper + 8}" y="${middle + 4.5}" fill="${COLOUR.text}"${weight}>` +
        `${number(bar.value.median)} ${escape(bar.unit)}</text>`,
    ].join('\n');
  });
  return [`${title} <tspan font-weight="400" fill="${COLOUR.quiet}">(${sense})</tspan></text>`, ...lines].join('\n');
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}

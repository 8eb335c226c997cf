// Reads one option's text (or its JSON value from a file) into a value, or says what is wrong with it.

import type { OptionSpec } from './option-table.ts';

export type OptionValue = string | number | boolean | readonly string[];

/** Either the value, or the problem in words that follow the option's name: `"x" is not a duration such as 30s`. */
export type Reading = { readonly value: OptionValue } | { readonly problem: string };

const DURATION_UNITS = new Map([
  ['ms', 1],
  ['s', 1000],
  ['m', 60_000],
  ['h', 3_600_000],
  ['d', 86_400_000],
]);

const BYTE_UNITS = new Map([
  ['', 1],
  ['B', 1],
  ['KiB', 2 ** 10],
  ['MiB', 2 ** 20],
  ['GiB', 2 ** 30],
  ['kB', 1e3],
  ['MB', 1e6],
  ['GB', 1e9],
]);

/** Milliseconds of `12h`, `30m`, `1.5s`, `200ms`, `0`; undefined for anything else. */
export function readDuration(text: string): number | undefined {
  return text === '0' ? 0 : measure(text, DURATION_UNITS);
}

/** Bytes of `64KiB`, `16MiB`, `1000`, `2MB`; undefined for anything else. */
export function readBytes(text: string): number | undefined {
  return measure(text, BYTE_UNITS);
}

function measure(text: string, units: ReadonlyMap<string, number>): number | undefined {
  const [, digits, unit] = /^(\d{1,15}(?:\.\d{1,9})?)([A-Za-z]*)$/.exec(text) ?? [];
  const factor = units.get(unit ?? '-');
  if (digits === undefined || factor === undefined) return undefined;
  const value = Math.round(Number(digits) * factor);
  return Number.isSafeInteger(value) ? value : undefined;
}

/** What the text of a flag or of an environment variable means. */
export function readText(option: OptionSpec, text: string): Reading {
  switch (option.type) {
    case 'integer':
      return number(/^-?\d{1,15}$/.test(text) ? Number(text) : undefined, text, 'a whole number');
    case 'duration':
      return number(readDuration(text), text, 'a duration such as 200ms, 30s, 15m or 12h');
    case 'bytes':
      return number(readBytes(text), text, 'a number of bytes such as 64KiB or 16MiB');
    case 'boolean':
      return text === 'true' || text === 'false'
        ? { value: text === 'true' }
        : { problem: `${quote(text)} is neither true nor false` };
    case 'choice':
      return option.choices?.includes(text) === true
        ? { value: text }
        : { problem: `${quote(text)} is not one of ${(option.choices ?? []).join(', ')}` };
    case 'list':
      return readList(text.split(',').map((item) => item.trim()));
    case 'string':
    case 'path':
      return text === '' ? { problem: 'needs a value' } : { value: text };
  }
}

/** What a configuration file's JSON value means: numbers and booleans as such, everything else as its text would. */
export function readJson(option: OptionSpec, json: unknown): Reading {
  if (typeof json === 'string') return readText(option, json);
  if (option.type === 'list')
    return Array.isArray(json) && json.every((item) => typeof item === 'string')
      ? readList(json)
      : { problem: 'is not a list of texts' };
  if (typeof json === 'boolean' && option.type === 'boolean') return { value: json };
  if (typeof json === 'number' && ['integer', 'bytes', 'duration'].includes(option.type)) {
    if (option.type === 'duration' && json !== 0) return { problem: `${json} needs a unit, such as "${json}s"` };
    return readText(option, String(json));
  }
  return { problem: `${quote(JSON.stringify(json))} is not a value of type ${option.type}` };
}

/** What a list is when its items have been told apart already. */
export function readList(items: readonly string[]): Reading {
  return items.some((item) => item === '') ? { problem: 'holds an empty item' } : { value: items };
}

function number(value: number | undefined, text: string, wanted: string): Reading {
  return value === undefined ? { problem: `${quote(text)} is not ${wanted}` } : { value };
}

function quote(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 57)}...` : text);
}

// Strict readers of the JSON that the two ends tell each other: each names the field that is wrong.

import { PosternError } from '../errors.ts';

export type Json = Record<string, unknown>;

export function malformed(field: string, problem: string): PosternError {
  return new PosternError('registration-malformed', `${field}: ${problem}`);
}

export function object(value: unknown, field: string): Json {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw malformed(field, 'not an object');
  return value as Json;
}

export function plainText(value: unknown, field: string, longest: number): string {
  if (typeof value !== 'string' || value.length === 0 || value.length > longest)
    throw malformed(field, `not a text of 1 to ${longest} characters`);
  // Control characters would end up in headers and logs.
  if (/[^\x20-\x7e]/.test(value)) throw malformed(field, 'holds characters outside printable ASCII');
  return value;
}

export function text(json: Json, field: string, longest: number): string {
  return plainText(json[field], field, longest);
}

export function hash(value: unknown, field: string): string {
  if (typeof value !== 'string' || !/^[0-9a-f]{64}$/.test(value))
    throw malformed(field, 'not a SHA-256 in hexadecimal');
  return value;
}

export function hexadecimal(json: Json, field: string, digits: number): string {
  const value = text(json, field, digits);
  if (value.length !== digits || !/^[0-9a-f]+$/.test(value)) throw malformed(field, `not ${digits} hexadecimal digits`);
  return value;
}

export function count(json: Json, field: string, highest: number): number {
  const value = json[field];
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0 || value > highest)
    throw malformed(field, `not a whole number from 0 to ${highest}`);
  return value;
}

export function atLeast(lowest: number, value: number, field: string): number {
  if (value < lowest) throw malformed(field, `less than ${lowest}`);
  return value;
}

export function oneOf<T extends string>(json: Json, field: string, choices: readonly T[]): T {
  const found = choices.find((choice) => choice === json[field]);
  if (found === undefined) throw malformed(field, `not one of ${choices.join(', ')}`);
  return found;
}

export function list<T>(json: Json, field: string, longest: number, item: (value: unknown) => T): T[] {
  const value = json[field];
  if (!Array.isArray(value) || value.length > longest) throw malformed(field, `not a list of at most ${longest}`);
  return value.map(item);
}

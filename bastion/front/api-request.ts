// What the API is asked for, read strictly: a field that is mistyped must not be passed over.

import { PosternError } from '../../shared/errors.ts';
import { readDuration } from '../../shared/program/option-value.ts';
import { ownerProblem } from '../auth/owner.ts';
import { LIMIT_NAMES, patternsProblem } from '../auth/token-limits.ts';
import type { TokenLimits } from '../auth/token-limits.ts';

export interface TokenWish {
  readonly owner: string;
  readonly names: readonly string[];
  readonly use: 'agent' | 'visitor';
  readonly ttlMs: number;
  readonly limits?: TokenLimits;
}

type Json = Record<string, unknown>;

const DEFAULT_TTL_MS = 12 * 3_600_000;

/** Throws PosternError `api-malformed`. */
export function readTokenRequest(text: string): TokenWish {
  const json = objectOf(text, ['owner', 'names', 'use', 'ttl', 'limits']);
  const { use = 'agent', names } = json;
  if (use !== 'agent' && use !== 'visitor') throw malformed('use is neither agent nor visitor');
  if (!Array.isArray(names) || names.length === 0 || !names.every((name) => typeof name === 'string'))
    throw malformed('names is not a list of name patterns');
  const problem = patternsProblem(names);
  if (problem !== undefined) throw malformed(problem);
  const limits = json['limits'] === undefined ? {} : { limits: limitsOf(json['limits']) };
  return { owner: ownerOf(json), names, use, ttlMs: ttlOf(json['ttl']), ...limits };
}

/** Throws PosternError `api-malformed`; whether the name can be one is for the reservation to say. */
export function readNameRequest(text: string): { name: string; owner: string } {
  const json = objectOf(text, ['name', 'owner']);
  if (typeof json['name'] !== 'string') throw malformed('name is not a text');
  return { name: json['name'], owner: ownerOf(json) };
}

function objectOf(text: string, known: readonly string[]): Json {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw malformed('the body is not JSON');
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    throw malformed('the body is not a JSON object');
  const stranger = Object.keys(json).find((key) => !known.includes(key));
  if (stranger !== undefined) throw malformed(`there is no "${stranger.slice(0, 40)}"`);
  return json as Json;
}

function ownerOf({ owner }: Json): string {
  const problem = typeof owner === 'string' ? ownerProblem(owner) : 'is not a text';
  if (problem !== undefined) throw malformed(`owner ${problem}`);
  return owner as string;
}

function ttlOf(ttl: unknown): number {
  const ms = ttl === undefined ? DEFAULT_TTL_MS : typeof ttl === 'string' ? readDuration(ttl) : undefined;
  if (ms === undefined || ms < 1000) throw malformed('ttl is not a duration of at least a second, such as "12h"');
  return ms;
}

function limitsOf(limits: unknown): TokenLimits {
  if (typeof limits !== 'object' || limits === null || Array.isArray(limits))
    throw malformed('limits is not an object');
  for (const [name, value] of Object.entries(limits)) {
    if (!(LIMIT_NAMES as readonly string[]).includes(name)) throw malformed(`there is no limit "${name.slice(0, 40)}"`);
    if (!Number.isSafeInteger(value) || (value as number) < 0) throw malformed(`limits.${name} is not a whole number`);
  }
  return limits;
}

function malformed(problem: string): PosternError {
  return new PosternError('api-malformed', problem);
}

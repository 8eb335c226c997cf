// The rules for tokens of outside issuers, read from the site's JSON file: whom to believe, for what, and as which owner.

import { PosternError } from '../../shared/errors.ts';
import type { Use } from './authenticator.ts';
import { patternProblem } from './name-patterns.ts';
import { ownerProblem } from './owner.ts';

/** Asymmetric only: with a symmetric one, whoever can check tokens could make them. */
export const ALGORITHMS = ['RS256', 'ES256', 'EdDSA'] as const;

/** What a token must say to be good for one use. */
export interface UseRule {
  /** Every one of these must be in its `scope` (or `scp`). */
  readonly scopes: readonly string[];
  /** Claim -> a value that it must be, or hold if it is a list. */
  readonly claims: ReadonlyMap<string, string>;
}

/** How a claim becomes an account. */
export interface OwnerRule {
  readonly claim: string;
  /** Value -> account; when there is such a table, nobody else gets in. */
  readonly map: ReadonlyMap<string, string> | undefined;
  /** The value must end with this, which is cut off: `@example.org`. */
  readonly suffix: string;
  /** Put in front, so that two issuers' accounts cannot be taken for each other. */
  readonly prefix: string;
}

export interface IssuerRule {
  /** Exactly as in the tokens' `iss`. */
  readonly issuer: string;
  /** One of these must be in the tokens' `aud`. */
  readonly audiences: readonly string[];
  readonly algorithms: readonly string[];
  /** Where its keys are, if discovery is not to be asked. */
  readonly jwks: string | undefined;
  /** PEM file of the only authorities to believe when asking it. */
  readonly ca: string | undefined;
  readonly uses: ReadonlyMap<Use, UseRule>;
  readonly owner: OwnerRule;
  /** Name patterns, in which `{owner}` stands for the account as a label. */
  readonly names: readonly string[];
}

/** Where a problem is, and a list that collects them. */
interface Reading {
  readonly where: string;
  readonly problems: string[];
}

type Json = Record<string, unknown>;

/** Reads the file's text; throws PosternError `options-invalid` that names every problem at once. */
export function readIssuerRules(text: string, path: string): IssuerRule[] {
  const problems: string[] = [];
  const json = parse(text, problems);
  const list = json === undefined ? [] : listOf(json, problems);
  const rules = list.map((entry, index) => issuerRule(entry, { where: `issuers[${index}]`, problems }));
  const seen = new Set<string>();
  for (const { issuer } of rules) {
    if (seen.has(issuer)) problems.push(`issuer "${issuer}" is there twice`);
    seen.add(issuer);
  }
  if (problems.length > 0) throw new PosternError('options-invalid', `${path}: ${problems.join('; ')}`);
  return rules;
}

function parse(text: string, problems: string[]): Json | undefined {
  try {
    const json = JSON.parse(text) as unknown;
    if (isObject(json)) return json;
  } catch {
    // Said below.
  }
  problems.push('it is not a JSON object');
  return undefined;
}

function listOf(json: Json, problems: string[]): Json[] {
  strangers(json, ['issuers'], { where: 'the file', problems });
  const { issuers } = json as { issuers?: unknown };
  if (Array.isArray(issuers) && issuers.length > 0 && issuers.every(isObject)) return issuers;
  problems.push('"issuers" is not a list of at least one object');
  return [];
}

const KEYS = ['issuer', 'audience', 'algorithms', 'jwks', 'ca', 'agent', 'visitor', 'owner', 'names'];

function issuerRule(json: Json, reading: Reading): IssuerRule {
  strangers(json, KEYS, reading);
  const uses = new Map<Use, UseRule>();
  for (const use of ['agent', 'visitor'] as const)
    if (json[use] !== undefined) uses.set(use, useRule(json[use], inside(reading, use)));
  if (uses.size === 0)
    reading.problems.push(`${reading.where}: neither "agent" nor "visitor" says what its tokens are for`);
  const algorithms = json['algorithms'] === undefined ? ALGORITHMS : texts(json, 'algorithms', reading);
  for (const algorithm of algorithms)
    if (!(ALGORITHMS as readonly string[]).includes(algorithm))
      reading.problems.push(`${reading.where}.algorithms: "${algorithm}" is not one of ${ALGORITHMS.join(', ')}`);
  return {
    issuer: httpsUrl(json, 'issuer', reading) ?? '',
    audiences: texts(json, 'audience', reading),
    algorithms,
    jwks: json['jwks'] === undefined ? undefined : httpsUrl(json, 'jwks', reading),
    ca: json['ca'] === undefined ? undefined : textAt(json, 'ca', reading),
    uses,
    owner: ownerRule(json['owner'], inside(reading, 'owner')),
    names: patterns(json, reading),
  };
}

function useRule(value: unknown, reading: Reading): UseRule {
  const json = object(value, reading);
  strangers(json, ['scopes', 'claims'], reading);
  const claims = json['claims'] === undefined ? {} : object(json['claims'], inside(reading, 'claims'));
  const pairs = Object.entries(claims).map(
    ([claim]) => [claim, textAt(claims, claim, inside(reading, 'claims'))] as const,
  );
  return { scopes: json['scopes'] === undefined ? [] : texts(json, 'scopes', reading), claims: new Map(pairs) };
}

function ownerRule(value: unknown, reading: Reading): OwnerRule {
  const json = object(value, reading);
  strangers(json, ['claim', 'map', 'suffix', 'prefix'], reading);
  const table = json['map'] === undefined ? undefined : object(json['map'], inside(reading, 'map'));
  const map = table === undefined ? undefined : new Map<string, string>();
  for (const from of Object.keys(table ?? {})) {
    const account = textAt(table as Json, from, inside(reading, 'map'));
    const problem = ownerProblem(account);
    if (problem !== undefined) reading.problems.push(`${reading.where}.map: "${account}" ${problem}`);
    map?.set(from, account);
  }
  return {
    claim: textAt(json, 'claim', reading),
    map,
    suffix: json['suffix'] === undefined ? '' : textAt(json, 'suffix', reading),
    prefix: json['prefix'] === undefined ? '' : textAt(json, 'prefix', reading),
  };
}

function patterns(json: Json, reading: Reading): string[] {
  const names = texts(json, 'names', reading);
  for (const name of names) {
    const problem = patternProblem(name.replaceAll('{owner}', 'x'));
    if (problem !== undefined) reading.problems.push(`${reading.where}.names: "${name}" ${problem}`);
  }
  return names;
}

function inside({ where, problems }: Reading, key: string): Reading {
  return { where: `${where}.${key}`, problems };
}

function strangers(json: Json, known: readonly string[], { where, problems }: Reading): void {
  for (const key of Object.keys(json)) if (!known.includes(key)) problems.push(`${where}: there is no "${key}"`);
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function object(value: unknown, { where, problems }: Reading): Json {
  if (isObject(value)) return value;
  problems.push(`${where} is not an object`);
  return {};
}

function textAt(json: Json, key: string, { where, problems }: Reading): string {
  const value = json[key];
  if (typeof value === 'string' && value !== '') return value;
  problems.push(`${where}.${key} is not a text`);
  return '';
}

function texts(json: Json, key: string, { where, problems }: Reading): string[] {
  const value = json[key];
  const list: unknown[] = typeof value === 'string' ? [value] : Array.isArray(value) ? value : [];
  if (list.length > 0 && list.every((item): item is string => typeof item === 'string' && item !== '')) return list;
  problems.push(`${where}.${key} is not a text or a list of texts`);
  return [];
}

function httpsUrl(json: Json, key: string, reading: Reading): string | undefined {
  const value = textAt(json, key, reading);
  if (value === '') return undefined;
  if (URL.canParse(value) && new URL(value).protocol === 'https:') return value;
  reading.problems.push(`${reading.where}.${key}: "${value}" is not an https:// URL`);
  return undefined;
}

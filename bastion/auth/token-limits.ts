// What a token of ours may say besides whose it is: limits for its tunnels, and for the API what it may hand out itself.

import { PosternError } from '../../shared/errors.ts';
import { patternProblem } from './name-patterns.ts';

/** Limits of the owner's tunnels that rest on this token, besides those of the bastion; undefined: no further limit. */
export interface TokenLimits {
  /** Tunnels of its owner at once. */
  readonly tunnels?: number;
  /** Services that one tunnel may offer, each allowed range of ports counting as one. */
  readonly services?: number;
  /** Streams open at once in one tunnel. */
  readonly streams?: number;
}

/** What tokens its bearer may have made. */
export interface Issuing {
  /** Accounts, `*` allowed at the end. */
  readonly owners: readonly string[];
  readonly uses: readonly ('agent' | 'visitor')[];
  /** Longest lifetime, in milliseconds. */
  readonly maxTtlMs: number;
}

export const LIMIT_NAMES = ['tunnels', 'services', 'streams'] as const;
const OWNER_PATTERN = /^(?:\*|[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}\*?)$/;

/** True when some pattern covers the account; `*` counts only as the last character. */
export function coversOwner(patterns: readonly string[], owner: string): boolean {
  return patterns.some((pattern) =>
    pattern.endsWith('*') ? owner.startsWith(pattern.slice(0, -1)) : pattern === owner,
  );
}

/** True when every name that the pattern covers is covered by one of these. */
export function withinPatterns(allowed: readonly string[], pattern: string): boolean {
  const prefix = pattern.endsWith('*') ? pattern.slice(0, -1) : undefined;
  return allowed.some((outer) => {
    if (!outer.endsWith('*')) return outer === pattern;
    return (prefix ?? pattern).startsWith(outer.slice(0, -1));
  });
}

/** What is wrong with what a token is to say, or undefined. */
export function issuingProblem(issuing: Issuing): string | undefined {
  if (issuing.owners.length === 0) return 'a token for the API needs owners whom it may make tokens for';
  const bad = issuing.owners.find((owner) => !OWNER_PATTERN.test(owner));
  if (bad !== undefined) return `"${bad}" is not an account, nor the beginning of one with * at the end`;
  if (issuing.uses.length === 0) return 'a token for the API needs a use that it may make tokens for';
  return issuing.maxTtlMs >= 1000 ? undefined : 'tokens must hold for at least one second';
}

/** Reads the claim `limits` of a token whose signature holds; throws PosternError `credential-invalid`. */
export function readLimits(claim: unknown): TokenLimits | undefined {
  if (claim === undefined) return undefined;
  const json = objectOf(claim);
  const limits: { -readonly [Name in keyof TokenLimits]: TokenLimits[Name] } = {};
  for (const name of LIMIT_NAMES) {
    const value = json[name];
    if (value === undefined) continue;
    if (!Number.isSafeInteger(value) || (value as number) < 0) throw invalid('limits');
    limits[name] = value as number;
  }
  // A limit that this release does not know could not be kept.
  if (Object.keys(json).some((name) => !(LIMIT_NAMES as readonly string[]).includes(name))) throw invalid('limits');
  return limits;
}

/** Reads the claim `issuing` of a token whose signature holds; throws PosternError `credential-invalid`. */
export function readIssuing(claim: unknown): Issuing | undefined {
  if (claim === undefined) return undefined;
  const { owners, uses, maxTtlMs } = objectOf(claim);
  if (!isTexts(owners) || !isTexts(uses) || typeof maxTtlMs !== 'number') throw invalid('issuing');
  const known = uses.filter((use): use is 'agent' | 'visitor' => use === 'agent' || use === 'visitor');
  return { owners, uses: known, maxTtlMs };
}

/** What is wrong with name patterns, or undefined. */
export function patternsProblem(names: readonly string[]): string | undefined {
  for (const name of names) {
    const problem = patternProblem(name);
    if (problem !== undefined) return `name "${name}" ${problem}`;
  }
  return undefined;
}

function objectOf(claim: unknown): Record<string, unknown> {
  if (typeof claim !== 'object' || claim === null || Array.isArray(claim)) throw invalid('a claim');
  return claim as Record<string, unknown>;
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

function invalid(what: string): PosternError {
  return new PosternError('credential-invalid', `the token's ${what} cannot be read`);
}

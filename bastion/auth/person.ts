// A person who signed in: an account of this site and the groups it is in, as a provider vouched for them.

import { ownerProblem } from './owner.ts';

/** Longest group that is taken over from a provider, in characters. */
const LONGEST = 200;
/** A cookie carries them: more groups than this are cut off, in the provider's order. */
export const MOST_GROUPS = 40;
const MOST_GROUP_CHARACTERS = 1500;

export interface Person {
  /** As owners are called here: `alice`, or `alice@elsewhere.org` for who is from elsewhere. */
  readonly account: string;
  readonly groups: readonly string[];
  /** Id of the provider that vouched. */
  readonly provider: string;
}

/** How a provider's claims become an account and groups of this site. */
export interface ClaimRules {
  /** Claims to take the account from; the first that is there counts. `a.b` looks into an object. */
  readonly account: readonly string[];
  /** Accounts of this domain lose it: `alice@example.org` is `alice`. Everybody else keeps theirs. */
  readonly homeDomain?: string | undefined;
  /** A claim that lists groups (a list, or a text with spaces or commas between them). */
  readonly groups?: string | undefined;
  /** Claims that must have one of these values: `{ "idp": ["https://idp.example.org/..."] }`. */
  readonly require: Readonly<Record<string, readonly string[]>>;
}

/** Why claims make no person; for the log and the page. */
export class ClaimsProblem extends Error {}

/** The person that claims describe; throws ClaimsProblem. Pure: what the provider says is untrusted text. */
export function personOf(claims: Readonly<Record<string, unknown>>, rules: ClaimRules, provider: string): Person {
  for (const [claim, allowed] of Object.entries(rules.require)) {
    const values = textsOf(lookUp(claims, claim));
    if (!values.some((value) => allowed.includes(value)))
      throw new ClaimsProblem(`${claim} is none of the values asked for`);
  }
  const found = rules.account.find((claim) => typeof lookUp(claims, claim) === 'string');
  if (found === undefined) throw new ClaimsProblem(`none of ${rules.account.join(', ')} was given`);
  // An address that nobody has verified is whatever its bearer typed.
  if (found === 'email' && claims['email_verified'] !== true && claims['email_verified'] !== 'true')
    throw new ClaimsProblem('the e-mail address is not verified');
  const account = accountOf(String(lookUp(claims, found)), rules.homeDomain);
  return { account, groups: rules.groups === undefined ? [] : groupsOf(lookUp(claims, rules.groups)), provider };
}

/** An account as owners are written, with a domain in small letters, so that nobody is taken for two. */
function accountOf(text: string, homeDomain: string | undefined): string {
  const at = text.lastIndexOf('@');
  const [local, domain] = at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1).toLowerCase()];
  // With a home domain, a bare name would be somebody of this house: only the house's own addresses become one.
  if (homeDomain !== undefined && domain === undefined) throw new ClaimsProblem('the account names no domain');
  const home = homeDomain !== undefined && domain === homeDomain.toLowerCase();
  if (home && local.includes('@')) throw new ClaimsProblem('the account names two domains');
  const account = home || domain === undefined ? local : `${local}@${domain}`;
  const problem = ownerProblem(account);
  if (problem !== undefined) throw new ClaimsProblem(`the account ${problem}`);
  return account;
}

function groupsOf(value: unknown): string[] {
  const groups: string[] = [];
  let characters = 0;
  for (const group of new Set(textsOf(value).flatMap((text) => text.split(/[\s,]+/)))) {
    characters += group.length;
    if (!isWord(group) || characters > MOST_GROUP_CHARACTERS) continue;
    groups.push(group);
    if (groups.length === MOST_GROUPS) break;
  }
  return groups;
}

function isWord(text: string): boolean {
  return text.length > 0 && text.length <= LONGEST && /^[\x21-\x7e]+$/.test(text);
}

function textsOf(value: unknown): string[] {
  const list: unknown[] = Array.isArray(value) ? value : [value];
  return list.filter((item) => typeof item === 'string');
}

function lookUp(claims: Readonly<Record<string, unknown>>, path: string): unknown {
  if (Object.hasOwn(claims, path)) return claims[path];
  let found: unknown = claims;
  for (const step of path.split('.')) {
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, step)) return undefined;
    found = (found as Record<string, unknown>)[step];
  }
  return found;
}

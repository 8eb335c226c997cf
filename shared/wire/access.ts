// Who may visit a name, as an agent asks for it and an owner changes it: one shape on the wire, in the store and in the API. Pure.

import { list, malformed, object, oneOf, plainText } from './json.ts';

export const ACCESS_KINDS = ['private', 'invited', 'signed-in', 'public'] as const;
/**
 * private: the owner. invited: besides, the people and groups named. signed-in: everybody whom a provider of the site
 * vouches for. public: anybody, asked for explicitly.
 */
export type AccessKind = (typeof ACCESS_KINDS)[number];

export interface AccessPolicy {
  readonly kind: AccessKind;
  /** Accounts and groups as the site's providers give them; empty unless `invited`. */
  readonly people: readonly string[];
  readonly groups: readonly string[];
}

const MAX_INVITED = 100;
const LONGEST = 200;

export const PRIVATE: AccessPolicy = { kind: 'private', people: [], groups: [] };
export const PUBLIC: AccessPolicy = { kind: 'public', people: [], groups: [] };

/** Reads a policy strictly; throws PosternError `registration-malformed` naming the field. */
export function readPolicy(value: unknown, field = 'policy'): AccessPolicy {
  const json = object(value, field);
  const kind = oneOf(json, 'kind', ACCESS_KINDS);
  const people = list(json, 'people', MAX_INVITED, (item) => word(item, `${field}.people`));
  const groups = list(json, 'groups', MAX_INVITED, (item) => word(item, `${field}.groups`));
  const names = people.length + groups.length > 0;
  if (names !== (kind === 'invited')) throw malformed(field, 'people and groups belong to the kind "invited"');
  return { kind, people, groups };
}

function word(value: unknown, field: string): string {
  const text = plainText(value, field, LONGEST);
  if (/\s/.test(text)) throw malformed(field, 'a space in a name');
  return text;
}

/**
 * The policy that a command line asks for: `private`, `signed-in`, `public`, or a list such as
 * `alice@example.org,group:physics`. Throws PosternError `registration-malformed`.
 */
export function parsePolicy(text: string): AccessPolicy {
  const kind = ACCESS_KINDS.find((known) => known === text);
  if (kind !== undefined && kind !== 'invited') return { kind, people: [], groups: [] };
  const invited = text.split(',').map((item) => item.trim());
  const groups = invited.filter((item) => item.startsWith('group:')).map((item) => item.slice('group:'.length));
  const people = invited.filter((item) => !item.startsWith('group:'));
  return readPolicy({ kind: 'invited', people, groups }, 'access');
}

/** A policy as a command line would ask for it. */
export function policyText({ kind, people, groups }: AccessPolicy): string {
  return kind === 'invited' ? [...people, ...groups.map((group) => `group:${group}`)].join(',') : kind;
}

/** Whether the policy lets somebody in who is not the owner, and has signed in. */
export function invites(policy: AccessPolicy, account: string, groups: readonly string[]): boolean {
  if (policy.kind === 'signed-in' || policy.kind === 'public') return true;
  if (policy.kind === 'private') return false;
  return policy.people.includes(account) || groups.some((group) => policy.groups.includes(group));
}

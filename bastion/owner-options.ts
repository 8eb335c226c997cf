// Options of the commands with which administrators hand out credentials and decide whose the names are.

import type { CommandSpec } from '../shared/program/option-table.ts';
import type { OptionSpec, ParsedCommand, ProgramSpec } from '../shared/program/options.ts';
import { patternProblem } from './auth/name-patterns.ts';
import { ownerProblem } from './auth/owner.ts';
import { between } from './limit-options.ts';
import { nameProblem } from './tunnels/names.ts';

export const STATE = {
  name: 'state',
  type: 'path',
  required: true,
  metavar: 'DIR',
  help: 'The directory that holds keys and the CA: made with mode 0700 if missing, refused when others may enter it.',
} as const satisfies OptionSpec;

export const AUDIT_LOG = {
  name: 'audit-log',
  type: 'path',
  metavar: 'FILE|none',
  help: 'Account for what was decided and done in this file (mode 0600). Without it: audit.log in the state directory.',
} as const satisfies OptionSpec;

const TOKEN_CREATE = {
  name: 'token create',
  summary: 'Prints a signed token that expires: for an agent to register with, or for a script to visit with.',
  examples: [
    "postern-bastion token create --state /var/lib/postern --owner alice --name 'alice-*' --ttl 12h > alice.token",
    'postern-bastion token create --state /var/lib/postern --owner alice --name alice-1 --use visitor --ttl 1h',
    "postern-bastion token create --state /var/lib/postern --owner submit-1 --name '*' --use api --for '*' --ttl 90d",
  ],
  options: [
    STATE,
    AUDIT_LOG,
    {
      name: 'owner',
      type: 'string',
      required: true,
      metavar: 'ACCOUNT',
      help: 'Whose token it is: names belong to the owner who registered them.',
      check: ownerProblem,
    },
    {
      name: 'name',
      type: 'list',
      metavar: 'PATTERN',
      help: "Names it is good for, * allowed at the end ('alice-*'); several times for more.",
      check: (names: readonly string[]) => firstProblem(names),
    },
    {
      name: 'use',
      type: 'choice',
      choices: ['agent', 'visitor', 'api'],
      default: 'agent',
      help:
        'agent: registers names, opens no notebook. visitor: opens the notebooks of the owner, registers nothing. api: makes ' +
        'tokens and reserves names for others.',
    },
    {
      name: 'for',
      type: 'list',
      metavar: 'ACCOUNT',
      help: "With --use api: the owners it may make tokens for, * allowed at the end ('*' for all).",
    },
    {
      name: 'grant',
      type: 'list',
      metavar: 'agent|visitor',
      help: 'With --use api: the uses it may make tokens for; agent if nothing is said.',
      check: (uses: readonly string[]) =>
        uses.every((use) => use === 'agent' || use === 'visitor') ? undefined : 'is neither agent nor visitor',
    },
    {
      name: 'max-ttl',
      type: 'duration',
      default: '24h',
      help: 'With --use api: the longest that tokens made with it may hold.',
      check: between(1000, 315_360_000_000, ['1s', '3650d']),
    },
    {
      name: 'max-tunnels',
      type: 'integer',
      metavar: 'N',
      help: 'Notebooks that its owner may have connected at once with it (tunnel-limit).',
      check: between(0, 1_000_000),
    },
    {
      name: 'max-services',
      type: 'integer',
      metavar: 'N',
      help: 'Services that one agent may offer with it, each --allow-port counting as one (service-limit).',
      check: between(0, 64),
    },
    {
      name: 'max-streams',
      type: 'integer',
      metavar: 'N',
      help: 'Streams open at once in one tunnel that rests on it (stream-limit).',
      check: between(0, 65_536),
    },
    {
      name: 'ttl',
      type: 'duration',
      default: '12h',
      help: 'How long it holds. An agent that runs longer needs a fresh token in its file.',
      check: between(1000, 315_360_000_000, ['1s', '3650d']),
    },
  ],
  check: (values: { name: readonly string[]; use: string; for: readonly string[]; grant: readonly string[] }) => [
    ...(values.name.length === 0 ? ["--name (or POSTERN_NAME) is needed, for example --name 'alice-*'"] : []),
    ...(values.use === 'api' && values.for.length === 0 ? ["--use api needs --for, for example --for '*'"] : []),
    ...(values.use !== 'api' && values.for.length + values.grant.length > 0
      ? ['--for and --grant need --use api']
      : []),
  ],
} as const;

const NAME = {
  name: 'name',
  type: 'string',
  required: true,
  metavar: 'NAME',
  help: 'The host name label: NAME.notebooks.example.org.',
  check: nameProblem,
} as const satisfies OptionSpec;

const OWNER = {
  name: 'owner',
  type: 'string',
  required: true,
  metavar: 'ACCOUNT',
  help: 'Whose it becomes.',
  check: ownerProblem,
} as const satisfies OptionSpec;

const FORCE = {
  name: 'force',
  type: 'boolean',
  help: 'Yes: visitors may still trust the name for what its last owner did under it.',
} as const satisfies OptionSpec;

const forced = (values: { force: boolean }): readonly string[] =>
  values.force ? [] : ['this takes a name from its owner, whose visitors may still come: say --force'];

export const OWNER_COMMANDS = [
  TOKEN_CREATE,
  {
    name: 'token list',
    summary:
      'Lists the tokens that were made here, in tab-separated columns; not the tokens themselves, which nobody keeps.',
    examples: ['postern-bastion token list --state /var/lib/postern --owner alice'],
    options: [
      STATE,
      {
        name: 'owner',
        type: 'string',
        metavar: 'ACCOUNT',
        help: 'Only the tokens of this owner.',
        check: ownerProblem,
      },
    ],
  },
  {
    name: 'token revoke',
    summary: 'Takes tokens back: tunnels and visits that rest on them end within a second.',
    examples: [
      'postern-bastion token revoke --state /var/lib/postern --id 5f0c1d2e3f405162738495a6',
      'postern-bastion token revoke --state /var/lib/postern --owner alice',
    ],
    options: [
      STATE,
      AUDIT_LOG,
      { name: 'id', type: 'list', metavar: 'ID', help: 'The id of a token (token list, or credentialId in the log).' },
      {
        name: 'owner',
        type: 'string',
        metavar: 'ACCOUNT',
        help: 'Everything that this owner was given until now, by other issuers too.',
        check: ownerProblem,
      },
      { name: 'unknown', type: 'boolean', help: 'The id is of a token that was not made here.' },
    ],
    check: (values: { id: readonly string[]; owner?: string }) =>
      values.id.length === 0 && values.owner === undefined ? ['--id or --owner says what is taken back'] : [],
  },
  {
    name: 'name list',
    summary: 'Lists the names that belong to somebody, in tab-separated columns.',
    examples: ['postern-bastion name list --state /var/lib/postern --owner alice'],
    options: [
      STATE,
      { name: 'owner', type: 'string', metavar: 'ACCOUNT', help: 'Only the names of this owner.', check: ownerProblem },
    ],
  },
  {
    name: 'name show',
    summary: 'Shows whose a name is, since when, and when it was last used.',
    examples: ['postern-bastion name show --state /var/lib/postern --name alice-1'],
    options: [STATE, NAME],
  },
  {
    name: 'name reserve',
    summary: "Makes a name that nobody has an owner's, before a job of theirs claims it.",
    examples: ['postern-bastion name reserve --state /var/lib/postern --name alice-1 --owner alice'],
    options: [STATE, NAME, OWNER, AUDIT_LOG],
  },
  {
    name: 'name release',
    summary: 'Gives a name up: no agent is awaited under it any more, and only the same owner can have it back.',
    examples: ['postern-bastion name release --state /var/lib/postern --name alice-1'],
    options: [STATE, NAME, AUDIT_LOG],
  },
  {
    name: 'name give',
    summary:
      "Takes a name from its owner and makes it another's. What browsers keep of earlier notebooks under it stays.",
    examples: ['postern-bastion name give --state /var/lib/postern --name demo --owner bob --force'],
    options: [STATE, NAME, OWNER, FORCE, AUDIT_LOG],
    check: forced,
  },
  {
    name: 'name free',
    summary:
      'Takes a name from its owner: the next to claim it has it. What browsers keep of earlier notebooks under it stays.',
    examples: ['postern-bastion name free --state /var/lib/postern --name demo --force'],
    options: [STATE, NAME, FORCE, AUDIT_LOG],
    check: forced,
  },
] as const satisfies readonly CommandSpec[];

export type OwnerCommand = ParsedCommand<Omit<ProgramSpec, 'commands'> & { readonly commands: typeof OWNER_COMMANDS }>;

function firstProblem(names: readonly string[]): string | undefined {
  for (const name of names) {
    const problem = patternProblem(name);
    if (problem !== undefined) return `"${name}" ${problem}`;
  }
  return undefined;
}

// Every option of postern-bastion: flag, environment variable, configuration-file key, help and check all come from this table.

import { domainProblem } from '../certs/authority.ts';
import { asPosternError } from '../shared/errors.ts';
import { parseAddress } from '../shared/net/listen.ts';
import { LOG_LEVELS } from '../shared/program/log.ts';
import type { OptionSpec, OptionValues, ProgramSpec } from '../shared/program/options.ts';
import { patternProblem } from './auth/name-patterns.ts';
import { ownerProblem } from './auth/token.ts';

const STATE = {
  name: 'state',
  type: 'path',
  required: true,
  metavar: 'DIR',
  help: 'The directory that holds keys and the CA: made with mode 0700 if missing, refused when others may enter it.',
} as const satisfies OptionSpec;

const SERVE_BASICS = [
  {
    name: 'domain',
    type: 'string',
    required: true,
    metavar: 'DOMAIN',
    help: 'Agents register at this host, visitors find notebooks at NAME.DOMAIN.',
    check: (domain: string) => domainProblem(domain),
  },
  {
    name: 'listen',
    type: 'string',
    default: '0.0.0.0:443',
    metavar: 'HOST:PORT',
    help: 'Where to listen for visitors and agents; [::]:443 for IPv6 as well. Port 0 takes a free one.',
    check: addressProblem,
  },
  STATE,
  {
    name: 'public-port',
    type: 'integer',
    metavar: 'PORT',
    help: 'The port in the addresses of notebooks, if it is not the one listened on.',
    check: between(1, 65_535),
  },
  {
    name: 'tls-cert',
    type: 'path',
    metavar: 'FILE',
    help: 'Certificate chain (PEM) for DOMAIN and *.DOMAIN, read again when it changes. Without it: one from a CA of our own.',
  },
  { name: 'tls-key', type: 'path', metavar: 'FILE', help: 'The key of --tls-cert (PEM, without a passphrase).' },
  {
    name: 'admin',
    type: 'string',
    metavar: 'HOST:PORT',
    help: 'Serve /metrics, /healthz and /readyz here, over plain HTTP: 127.0.0.1:9090.',
    check: addressProblem,
  },
  {
    name: 'access-log',
    type: 'path',
    metavar: 'FILE',
    help: 'Write a JSON line for each exchange to this file, opened anew at SIGHUP; - means among the messages.',
  },
  {
    name: 'drain-timeout',
    type: 'duration',
    default: '30s',
    help: 'How long running exchanges may go on after a stop was asked for, or after a newer agent took a name over.',
  },
  {
    name: 'visitor-session',
    type: 'duration',
    default: '7d',
    help: 'How long the cookie holds that a one-time link is exchanged for.',
    check: between(60_000, 34_560_000_000),
  },
  {
    name: 'log-level',
    type: 'choice',
    choices: LOG_LEVELS,
    default: 'info',
    help: 'Least important messages to log.',
  },
  {
    name: 'log-format',
    type: 'choice',
    choices: ['auto', 'json', 'pretty'],
    default: 'auto',
    help: 'auto: readable lines on a terminal, JSON otherwise.',
  },
] as const satisfies readonly OptionSpec[];

const SERVE_LIMITS = [
  {
    name: 'streams',
    type: 'integer',
    default: 1000,
    help: 'Streams open at once in one tunnel (stream-limit).',
    check: between(1, 65_536),
  },
  {
    name: 'stream-credit',
    type: 'bytes',
    default: '256KiB',
    help: 'Bytes that the notebook may send on a new stream before a visitor has read any of them (credit-exceeded).',
    check: between(16_384, 2 ** 24),
  },
  {
    name: 'session-credit',
    type: 'bytes',
    default: '64MiB',
    help: 'Unread bytes that the streams of one tunnel may have been allowed together (stream-limit).',
    check: between(2 ** 20, 2 ** 40),
  },
  {
    name: 'total-credit',
    type: 'bytes',
    default: '512MiB',
    help: 'Unread bytes that the streams of all tunnels may have been allowed together (stream-limit).',
    check: between(2 ** 20, 2 ** 40),
  },
  {
    name: 'message',
    type: 'bytes',
    default: '64KiB',
    help: 'Longest WebSocket message taken from an agent (message-too-large).',
    check: between(16_384, 2 ** 24),
  },
  {
    name: 'handshakes',
    type: 'integer',
    default: 500,
    help: 'Agents registering at the same time (handshake-limit).',
    check: between(1, 100_000),
  },
  {
    name: 'handshake-rate',
    type: 'integer',
    default: 200,
    help: 'Agents registering per second, in the long run (handshake-limit).',
    check: between(1, 100_000),
  },
  {
    name: 'handshake-burst',
    type: 'integer',
    default: 1000,
    help: 'Agents registering in one go after quiet times (handshake-limit).',
    check: between(1, 1_000_000),
  },
  {
    name: 'link-attempts',
    type: 'integer',
    default: 10,
    help: 'Wrong one-time links from one address within a minute (visitor-limit).',
    check: between(1, 100_000),
  },
  {
    name: 'connections',
    type: 'integer',
    default: 20_000,
    help: 'Connections of visitors and agents at once; more are closed unanswered.',
    check: between(1, 1_000_000),
  },
  {
    name: 'header-bytes',
    type: 'bytes',
    default: '32KiB',
    help: "Bytes of a request's head (header-too-large).",
    check: between(8192, 2 ** 20),
  },
  {
    name: 'header-timeout',
    type: 'duration',
    default: '15s',
    help: "Time from the first byte of a request's head to its last (request-timeout).",
    check: between(1000, 600_000),
  },
  {
    name: 'keep-alive',
    type: 'duration',
    default: '75s',
    help: 'How long an idle connection of a visitor is kept; longer than a load balancer in front keeps its own.',
    check: between(1000, 3_600_000),
  },
] as const satisfies readonly OptionSpec[];

const SERVE = {
  name: 'serve',
  summary: 'Serves notebooks: takes agents and visitors on one port.',
  examples: [
    'postern-bastion serve --domain notebooks.example.org --listen 0.0.0.0:443 --state /var/lib/postern',
    'postern-bastion serve --config /etc/postern/bastion.json --tls-cert fullchain.pem --tls-key privkey.pem',
    'postern-bastion serve --domain notebooks.localhost --listen 127.0.0.1:8443 --state ./state --admin 127.0.0.1:9090',
  ],
  options: [...SERVE_BASICS, ...SERVE_LIMITS],
  check: (values: { tlsCert?: string; tlsKey?: string; sessionCredit: number; streamCredit: number }) => [
    ...((values.tlsCert === undefined) === (values.tlsKey === undefined)
      ? []
      : ['--tls-cert and --tls-key belong together: one of them is missing']),
    ...(values.sessionCredit < values.streamCredit ? ['--session-credit is less than --stream-credit'] : []),
  ],
} as const;

const TOKEN_CREATE = {
  name: 'token create',
  summary: 'Prints a signed token that expires: for an agent to register with, or for a script to visit with.',
  examples: [
    "postern-bastion token create --state /var/lib/postern --owner alice --name 'alice-*' --ttl 12h > alice.token",
    'postern-bastion token create --state /var/lib/postern --owner alice --name alice-1 --use visitor --ttl 1h',
  ],
  options: [
    STATE,
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
      help: "Names it is good for, * allowed at the end ('alice-*'); several times or with commas for more.",
      check: (names: readonly string[]) => firstProblem(names),
    },
    {
      name: 'use',
      type: 'choice',
      choices: ['agent', 'visitor'],
      default: 'agent',
      help: 'agent: registers names, opens no notebook. visitor: opens the notebooks of the owner, registers nothing.',
    },
    {
      name: 'ttl',
      type: 'duration',
      default: '12h',
      help: 'How long it holds. An agent that runs longer needs a fresh token in its file.',
      check: between(1000, 315_360_000_000),
    },
  ],
  check: (values: { name: readonly string[] }) =>
    values.name.length === 0 ? ["--name (or POSTERN_NAME) is needed, for example --name 'alice-*'"] : [],
} as const;

export const BASTION_PROGRAM = {
  name: 'postern-bastion',
  env: 'POSTERN_',
  // A bastion may be started by hand from a notebook that an agent runs.
  foreignEnv: ['POSTERN_UPSTREAM_TOKEN', 'POSTERN_AGENT_BIN'],
  summary: "Brings visitors to notebooks on worker nodes, through tunnels that the notebooks' agents dial out.",
  commands: [
    SERVE,
    TOKEN_CREATE,
    {
      name: 'ca show',
      summary: "Shows what the bastion's own CA is for, its fingerprint, and how to trust it.",
      examples: ['postern-bastion ca show --state /var/lib/postern'],
      options: [STATE],
    },
    {
      name: 'ca export',
      summary: "Prints the CA's certificate in PEM, for browsers and for the agent's --ca.",
      examples: ['postern-bastion ca export --state /var/lib/postern > postern-ca.pem'],
      options: [STATE],
    },
  ],
} as const satisfies ProgramSpec;

export type ServeValues = OptionValues<typeof SERVE>;
export type TokenValues = OptionValues<typeof TOKEN_CREATE>;

function addressProblem(text: string): string | undefined {
  try {
    parseAddress(text);
    return undefined;
  } catch (error) {
    return asPosternError(error).detail;
  }
}

function between(least: number, most: number): (value: number) => string | undefined {
  return (value) => (value >= least && value <= most ? undefined : `is not between ${least} and ${most}`);
}

function firstProblem(names: readonly string[]): string | undefined {
  for (const name of names) {
    const problem = patternProblem(name);
    if (problem !== undefined) return `"${name}" ${problem}`;
  }
  return undefined;
}

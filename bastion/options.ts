// Every option of postern-bastion: flag, environment variable, configuration-file key, help and check all come from this table.

import { domainProblem } from '../certs/authority.ts';
import { parseAddress, parseListen } from '../shared/net/listen.ts';
import { LOG_OPTIONS } from '../shared/program/log-options.ts';
import { problemOf } from '../shared/program/option-problem.ts';
import type { OptionSpec, OptionValues, ProgramSpec } from '../shared/program/options.ts';
import { FRONT_OPTIONS } from './front-options.ts';
import { HTTP2_OPTIONS } from './http2-options.ts';
import { LIMIT_OPTIONS, between } from './limit-options.ts';
import { AUDIT_LOG, OWNER_COMMANDS, STATE } from './owner-options.ts';

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
    help:
      'Where to listen for visitors and agents; [::]:443 for IPv6 as well. Port 0 takes a free one; fd:3 an inherited ' +
      'socket, as one from systemd (LISTEN_FDS) is taken whatever stands here.',
    check: (text: string) => problemOf(() => parseListen(text)),
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
    metavar: 'FILE|log',
    help: 'Write a JSON line for each exchange to this file, opened anew at SIGHUP; log: among the messages.',
  },
  AUDIT_LOG,
  {
    name: 'audit-rotate',
    type: 'bytes',
    default: '32MiB',
    help: 'An audit log that has grown to this is put aside, as audit.log.TIME.',
    check: between(4096, 2 ** 40, ['4KiB', '1TiB']),
  },
  {
    name: 'audit-keep',
    type: 'integer',
    default: 10,
    help: 'How many audit logs that were put aside are kept; older ones are removed.',
    check: between(0, 100_000),
  },
  {
    name: 'issuers',
    type: 'path',
    metavar: 'FILE',
    help: 'Take tokens of other issuers, by the rules in this JSON file (docs/operations.md); read again at SIGHUP.',
  },
  {
    name: 'sign-in-file',
    type: 'path',
    metavar: 'FILE',
    help: 'Where visitors can sign in (JSON): OpenID Connect providers and JupyterHubs. Without it: by one-time link or token.',
  },
  {
    name: 'drain-timeout',
    type: 'duration',
    default: '30s',
    help: 'How long running exchanges may go on after a stop was asked for, or after a newer agent took a name over.',
  },
  {
    name: 'resume-grace',
    type: 'duration',
    default: '60s',
    help: 'How long everything under way in a tunnel waits for an agent whose connection broke.',
    check: between(0, 3_600_000, ['0s', '1h']),
  },
  {
    name: 'pause-patience',
    type: 'duration',
    default: '10s',
    help: 'How long visitors wait for the beginning of an answer while the connection is broken (tunnel-paused).',
    check: between(0, 3_600_000, ['0s', '1h']),
  },
  {
    name: 'start-patience',
    type: 'duration',
    default: '10s',
    help: 'For how long after a start visitors wait for names that are not there yet: agents are on their way back.',
    check: between(0, 600_000, ['0s', '10m']),
  },
  {
    name: 'visitor-session',
    type: 'duration',
    default: '7d',
    help: 'How long the cookie holds that a one-time link is exchanged for.',
    check: between(60_000, 34_560_000_000, ['1m', '400d']),
  },
  ...FRONT_OPTIONS,
  {
    name: 'certificate-lifetime',
    type: 'duration',
    default: '12h',
    help:
      "How long the certificates hold that the bastion's own CA issues to agents with TLS from end to end, at most: none " +
      'outlives the credential of its agent. Agents renew them in time.',
    check: between(60_000, 604_800_000, ['1m', '7d']),
  },
  ...LOG_OPTIONS,
] as const satisfies readonly OptionSpec[];

/** What is checked together. */
interface ServeTogether {
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly sessionCredit: number;
  readonly streamCredit: number;
  readonly streamWindow: number;
}

const SERVE = {
  name: 'serve',
  summary: 'Serves notebooks: takes agents and visitors on one port.',
  examples: [
    'postern-bastion serve --domain notebooks.example.org --listen 0.0.0.0:443 --state /var/lib/postern',
    'postern-bastion serve --config /etc/postern/bastion.json --tls-cert fullchain.pem --tls-key privkey.pem',
    'postern-bastion serve --domain notebooks.localhost --listen 127.0.0.1:8443 --state ./state --admin 127.0.0.1:9090',
  ],
  options: [...SERVE_BASICS, ...LIMIT_OPTIONS, ...HTTP2_OPTIONS],
  check: (values: ServeTogether) => [
    ...((values.tlsCert === undefined) === (values.tlsKey === undefined)
      ? []
      : ['--tls-cert and --tls-key belong together: one of them is missing']),
    ...(values.sessionCredit < values.streamCredit ? ['--session-credit is less than --stream-credit'] : []),
    ...(values.streamWindow < values.streamCredit ? ['--stream-window is less than --stream-credit'] : []),
  ],
} as const;

export const BASTION_PROGRAM = {
  name: 'postern-bastion',
  env: 'POSTERN_',
  // A bastion may be started by hand from a notebook that an agent runs.
  foreignEnv: ['POSTERN_UPSTREAM_TOKEN', 'POSTERN_AGENT_BIN'],
  summary: "Brings visitors to notebooks on worker nodes, through tunnels that the notebooks' agents dial out.",
  commands: [
    SERVE,
    ...OWNER_COMMANDS,
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

function addressProblem(text: string): string | undefined {
  return problemOf(() => parseAddress(text));
}

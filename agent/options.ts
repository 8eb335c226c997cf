// Every option of postern-agent: flag, environment variable, configuration-file key, help and check all come from this table.

import { LOG_OPTIONS } from '../shared/program/log-options.ts';
import type { OptionSpec, OptionValues, ParsedCommand, ProgramSpec } from '../shared/program/options.ts';
import { JOB_OPTIONS } from './job-options.ts';
import { firstProblem, OFFER_OPTIONS } from './offer-options.ts';
import { bastionsProblem, nameProblem } from './option-checks.ts';
import { proxyProblem } from './proxy.ts';
import { serviceProblems, type ServiceValues } from './services.ts';
import { TLS_OPTIONS, tlsProblems, type TlsValues } from './tls-options.ts';
import { parseTarget } from './upstreams/target.ts';

/** How to get to the bastion, and as whom. */
const REACH = [
  {
    name: 'bastion',
    type: 'list',
    required: true,
    metavar: 'https://HOST[:PORT]',
    help:
      'The bastion to register with. Always HTTPS. Given several times: when one fails, the next is tried, and the one that ' +
      'works is kept.',
    check: bastionsProblem,
  },
  {
    name: 'bastion-order',
    type: 'choice',
    choices: ['given', 'random'],
    default: 'given',
    help: 'In which order several bastions are tried; random spreads many agents over them.',
  },
  {
    name: 'name',
    type: 'string',
    required: true,
    metavar: 'NAME',
    help: 'The host name label under which visitors find the notebook: NAME.notebooks.example.org.',
    check: nameProblem,
  },
  {
    name: 'token-file',
    type: 'path',
    required: true,
    metavar: 'FILE',
    help: "The agent's credential (postern-bastion token create). Read again at each dial; refused when others can read it.",
  },
  {
    name: 'ca',
    type: 'path',
    metavar: 'FILE',
    help: "Trust only these certificate authorities (PEM) for the bastion. Without it: Node's list and the system's.",
  },
  {
    name: 'proxy',
    type: 'string',
    metavar: 'http[s]://HOST:PORT|none',
    help:
      'Reach the bastion through this HTTP proxy (CONNECT), or through none. Without it, what HTTPS_PROXY, ALL_PROXY and ' +
      'NO_PROXY say, in lower case too; only there may the URL hold credentials.',
    check: proxyProblem,
  },
  {
    name: 'proxy-credentials-file',
    type: 'path',
    metavar: 'FILE',
    help: 'USER:PASSWORD for the proxy (Basic). Read again at each dial; refused when others can read the file.',
  },
  {
    name: 'proxy-ca',
    type: 'path',
    metavar: 'FILE',
    help: "Trust only these certificate authorities (PEM) for an https:// proxy. Without it: Node's list and the system's.",
  },
  {
    name: 'dial-timeout',
    type: 'duration',
    default: '15s',
    help: 'How long one attempt to reach the bastion may take.',
    check: positive,
  },
] as const satisfies readonly OptionSpec[];

const COMMON = [
  ...REACH,
  ...OFFER_OPTIONS,
  ...TLS_OPTIONS,
  ...JOB_OPTIONS,
  {
    name: 'connect-timeout',
    type: 'duration',
    default: '10s',
    help: 'How long the notebook may take to accept a connection.',
    check: positive,
  },
  {
    name: 'grace',
    type: 'duration',
    default: '5s',
    help: 'How long running exchanges may go on at the end, before they are cut.',
  },
  {
    name: 'links',
    type: 'integer',
    default: 1,
    help:
      'TCP connections to the bastion. With 2 or more, new requests go to one without bulk on it, and what comes while one ' +
      'is broken to another; each costs the bastion about as much as a notebook of its own.',
    check: (value: number) => (value >= 1 && value <= 8 ? undefined : 'must be 1 to 8'),
  },
  {
    name: 'streams',
    type: 'integer',
    default: 1000,
    help: 'How many connections visitors may have open at once, in all (stream-limit).',
    check: (value: number) => (value >= 1 && value <= 65_536 ? undefined : 'must be 1 to 65536'),
  },
  {
    name: 'stream-rate',
    type: 'integer',
    default: 1000,
    help: 'How many connections visitors may open per second, in the long run (stream-rate).',
    check: atLeastOne,
  },
  {
    name: 'stream-burst',
    type: 'integer',
    default: 2000,
    help: 'How many connections visitors may open in one go, after quiet times (stream-rate).',
    check: atLeastOne,
  },
  {
    name: 'stream-credit',
    type: 'bytes',
    // Small, since it is promised to all streams at once; it grows where a long path needs it.
    default: '64KiB',
    help: 'Bytes that each connection may send at first before the notebook has read any of them.',
    check: (value: number) => (value >= 16_384 && value <= 2 ** 24 ? undefined : 'must be 16KiB to 16MiB'),
  },
  {
    name: 'zero-mask',
    type: 'boolean',
    default: true,
    help:
      'Send WebSocket frames with an all-zero mask, which saves a copy; the mask protects plain-text intermediaries, and ' +
      'here everything is inside TLS. --no-zero-mask sends random ones.',
  },
  ...LOG_OPTIONS,
] as const satisfies readonly OptionSpec[];

const RUN = {
  name: 'run',
  summary:
    'Starts a notebook server and brings visitors to it. {socket} in the command becomes the path of a private unix ' +
    'socket (recommended: on a shared node every user can reach a loopback port), {port} a free port. A Jupyter is told ' +
    'what it needs, and gets a socket by itself. Signals are passed on, and so is the exit code.',
  rest: 'COMMAND ...',
  examples: [
    'postern-agent run --bastion https://notebooks.example.org --name alice-1 --token-file ~/.postern-token -- jupyter lab',
    'postern-agent run --config agent.json --name alice-1 -- jupyter lab --ServerApp.sock={socket}',
    'postern-agent run --config agent.json --name alice-2 -- code-server --socket {socket} --auth none',
    'postern-agent run --config agent.json --name alice-4 --tls end-to-end --client-ca group-ca.pem -- jupyter lab',
    'postern-agent run --config agent.json --name alice-3 --service tensorboard=http://127.0.0.1:6006 --allow-port 8787 -- jupyter lab',
  ],
  options: [
    ...COMMON,
    {
      name: 'authorization',
      type: 'choice',
      choices: ['auto', 'none', 'token', 'bearer'],
      default: 'auto',
      help:
        'What the bastion adds for visitors who were let in. auto: "token T" for a Jupyter, nothing otherwise. token and ' +
        'bearer: "token T" or "Bearer T", where the command finds T in POSTERN_UPSTREAM_TOKEN (a Jupyter: JUPYTER_TOKEN).',
    },
    {
      name: 'stop-grace',
      type: 'duration',
      default: '20s',
      help:
        'How long the command may take to end after SIGTERM (a Jupyter is asked by its API) before it is killed; less than ' +
        'the batch system waits.',
      check: positive,
    },
    {
      name: 'patience',
      type: 'duration',
      default: '10m',
      help: 'How long the command may take until it answers; then it is stopped. 0 waits for ever.',
    },
  ],
  check: (values: ServiceValues & TlsValues) => [...serviceProblems(values), ...tlsProblems(values)],
} as const;

const ATTACH = {
  name: 'attach',
  summary: 'Brings visitors to a notebook server that runs already.',
  examples: [
    'postern-agent attach --bastion https://notebooks.example.org --name alice-1 --token-file ~/.postern-token --to http://127.0.0.1:8888',
    'postern-agent attach --config agent.json --name alice-1 --to unix:/run/user/1000/jupyter.sock',
  ],
  options: [
    ...COMMON,
    {
      name: 'to',
      type: 'string',
      required: true,
      metavar: 'http://127.0.0.1:PORT|unix:/PATH|https://HOST:PORT',
      help: "The notebook server. A loopback port or socket must belong to the agent's own user.",
      check: targetProblem,
    },
  ],
  check: (values: ServiceValues & TlsValues & { to: string }) => {
    const target = parseTarget(values.to);
    const remote = target.kind !== 'unix' && !target.loopback;
    const problems = [...serviceProblems(values), ...tlsProblems(values)];
    return remote && !values.allowForeignUpstream
      ? [`--to ${values.to} is not on this machine's loopback: that needs --allow-foreign-upstream`, ...problems]
      : problems;
  },
} as const;

const DOCTOR = {
  name: 'doctor',
  summary:
    'Tries, step by step, what an agent needs between here and the bastion, and says in plain words what works: names, ports, ' +
    'proxy, TLS, WebSocket, token, name, clock and speed. Registers nothing. Exit code 1 when a step failed.',
  examples: [
    'postern-agent doctor --bastion https://notebooks.example.org --name alice-1 --token-file ~/.postern-token',
    'postern-agent doctor --config agent.json --name alice-1 --json > for-support.json',
  ],
  options: [
    ...REACH,
    {
      name: 'json',
      type: 'boolean',
      help: 'Print everything that was found as JSON, for support; it holds no secret.',
    },
    ...LOG_OPTIONS,
  ],
} as const;

export const AGENT_PROGRAM = {
  name: 'postern-agent',
  env: 'POSTERN_',
  // Found in the environment of everything that `run` starts.
  foreignEnv: ['POSTERN_UPSTREAM_TOKEN', 'POSTERN_AGENT_BIN'],
  summary: 'Runs beside a notebook on a worker node and brings visitors to it through a bastion, dialling out only.',
  commands: [RUN, ATTACH, DOCTOR],
} as const satisfies ProgramSpec;

/** What starts an agent. */
export type AgentCommand = Exclude<ParsedCommand<typeof AGENT_PROGRAM>, { readonly command: 'doctor' }>;
export type DoctorValues = OptionValues<typeof DOCTOR>;
export type RunValues = OptionValues<typeof RUN>;
export type AttachValues = OptionValues<typeof ATTACH>;
/** What both commands have. */
export type CommonValues = OptionValues<{ name: ''; summary: ''; examples: []; options: typeof COMMON }>;

function targetProblem(value: string): string | undefined {
  return firstProblem([value], parseTarget);
}

function atLeastOne(value: number): string | undefined {
  return value >= 1 && value <= 1_000_000 ? undefined : 'must be 1 to 1000000';
}

function positive(value: number): string | undefined {
  return value > 0 ? undefined : 'must be more than 0';
}

// The options of postern-agent that say what is offered, and to whom: services, ports, access, and where the link is left.

import { problemOf } from '../shared/program/option-problem.ts';
import type { OptionSpec } from '../shared/program/options.ts';
import { parsePolicy } from '../shared/wire/access.ts';
import { parsePorts, parseService } from './services.ts';

export const OFFER_OPTIONS = [
  {
    name: 'access',
    type: 'string',
    default: 'private',
    metavar: 'WHO',
    help:
      'private: only the owner gets in. signed-in: everybody whom the site can sign in. A list such as ' +
      'bob,carol@example.org,group:physics: these, too. public: anybody who knows the address. The owner can change it later.',
    check: (text: string) => problemOf(() => parsePolicy(text)),
  },
  {
    name: 'link-file',
    type: 'path',
    metavar: 'FILE',
    help: 'Write the one-time link to this file (mode 0600), and a fresh one whenever it was used. Removed at the end.',
  },
  {
    name: 'authorization-file',
    type: 'path',
    metavar: 'FILE',
    help:
      'The Authorization value that the notebook accepts ("token abc", "Bearer abc"): the bastion adds it for visitors ' +
      'who were let in. Refused when others can read the file.',
  },
  {
    name: 'service',
    type: 'list',
    metavar: 'SERVICE=http://127.0.0.1:PORT|unix:/PATH|https://HOST:PORT|tcp:127.0.0.1:PORT',
    help:
      'Bring visitors to this server, too, at NAME--SERVICE.notebooks.example.org. Several times for more. It may start later ' +
      "and must belong to the agent's own user. tcp: what speaks TLS itself, with any protocol inside: its bytes are passed on " +
      'as they are, by the server name of the TLS (see --public-service).',
    check: (values: readonly string[]) => firstProblem(values, parseService),
  },
  {
    name: 'allow-port',
    type: 'list',
    metavar: 'PORT|FROM-TO',
    help:
      "Bring visitors to these ports of this machine's loopback, at NAME--PORT.notebooks.example.org, as soon as a program " +
      "of the agent's own user listens there. Several times for more.",
    check: (values: readonly string[]) => firstProblem(values, parsePorts),
  },
  {
    name: 'upstream-ca',
    type: 'path',
    metavar: 'FILE',
    help: 'Trust only these certificate authorities (PEM) for what is reached by https://...',
  },
  {
    name: 'allow-foreign-upstream',
    type: 'boolean',
    help:
      "With --to and --service: also forward to another machine, or to another user's port on this one. Whoever answers " +
      'there gets the visitors.',
  },
] as const satisfies readonly OptionSpec[];

export function firstProblem(values: readonly string[], parse: (value: string) => unknown): string | undefined {
  return problemOf(() => values.forEach((value) => parse(value)));
}

// The options of `postern-bastion serve` for what stands in front of it.

import { parseListen } from '../shared/net/listen.ts';
import { problemOf } from '../shared/program/option-problem.ts';
import type { OptionSpec } from '../shared/program/options.ts';
import { PROXY_HEADERS } from './front/behind.ts';
import { networks } from './front/networks.ts';

export const FRONT_OPTIONS = [
  {
    name: 'redirect-listen',
    type: 'string',
    metavar: 'HOST:PORT',
    help: 'Listen here for plain HTTP, too, and send visitors of our hosts to HTTPS: 0.0.0.0:80. fd:4 for an inherited socket.',
    check: (text: string) => problemOf(() => parseListen(text)),
  },
  {
    name: 'proxy-protocol-from',
    type: 'list',
    metavar: 'NETWORK',
    help:
      'TCP load balancers that begin each connection with a PROXY header, v1 or v2: 10.0.0.0/8. It is required from these ' +
      '(proxy-header-invalid) and refused from all others. Several times for more.',
    check: networksProblem,
  },
  {
    name: 'trusted-proxy',
    type: 'list',
    metavar: 'NETWORK',
    help:
      'HTTP proxies in front (they reach the bastion by HTTPS): in their requests the visitor is who --trusted-proxy-header ' +
      'says, read from its end up to the first that is no proxy. Several times for more.',
    check: networksProblem,
  },
  {
    name: 'trusted-proxy-header',
    type: 'choice',
    choices: PROXY_HEADERS,
    default: 'x-forwarded-for',
    help: 'The header that these proxies set. What they do not set themselves, a visitor may have written.',
  },
] as const satisfies readonly OptionSpec[];

function networksProblem(texts: readonly string[]): string | undefined {
  return problemOf(() => networks(texts));
}

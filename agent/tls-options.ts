// The options of postern-agent that say where visitors' TLS ends, with which certificate, and who is let in there.

import type { OptionSpec } from '../shared/program/options.ts';

export const TLS_OPTIONS = [
  {
    name: 'tls',
    type: 'choice',
    choices: ['bastion', 'end-to-end'],
    default: 'bastion',
    help:
      "Where visitors' TLS ends. bastion: it reads and checks every request. end-to-end: at this agent, and the bastion passes " +
      'on what it cannot read; who may come is then said by --client-ca or --access public.',
  },
  {
    name: 'tls-cert',
    type: 'path',
    metavar: 'FILE',
    help:
      'With --tls end-to-end: the certificate chain (PEM) to show, read again when it changes. Without it, the bastion issues one ' +
      'for a key that never leaves this process.',
  },
  {
    name: 'tls-key',
    type: 'path',
    metavar: 'FILE',
    help: 'The key of --tls-cert (PEM, without a passphrase). Refused when others can read the file.',
  },
  {
    name: 'client-ca',
    type: 'path',
    metavar: 'FILE',
    help: 'With --tls end-to-end: let only visitors in who show a certificate of these authorities (PEM).',
  },
  {
    name: 'public-service',
    type: 'list',
    metavar: 'SERVICE',
    help:
      'Anybody may reach this --service SERVICE=tcp:..., which looks after itself: neither bastion nor agent can tell who comes. ' +
      'Needed for each, unless --access is public.',
  },
] as const satisfies readonly OptionSpec[];

export interface TlsValues {
  readonly tls: 'bastion' | 'end-to-end';
  readonly tlsCert?: string | undefined;
  readonly tlsKey?: string | undefined;
  readonly clientCa?: string | undefined;
  /** As --access says it. */
  readonly access: string;
  readonly authorizationFile?: string | undefined;
}

/** What is wrong with the options together; each is right by itself. */
export function tlsProblems(values: TlsValues): string[] {
  const { tls, tlsCert, tlsKey, clientCa, access, authorizationFile } = values;
  const problems: string[] = [];
  if ((tlsCert === undefined) !== (tlsKey === undefined))
    problems.push('--tls-cert and --tls-key belong together: one of them is missing');
  if (tls === 'bastion') {
    const given = Object.entries({ '--tls-cert': tlsCert, '--tls-key': tlsKey, '--client-ca': clientCa });
    for (const [option, value] of given) if (value !== undefined) problems.push(`${option} needs --tls end-to-end`);
    return problems;
  }
  if (access !== 'private' && access !== 'public')
    problems.push('--tls end-to-end: nobody signs in with the bastion then, so --access is private or public');
  else if (clientCa === undefined && access === 'private')
    problems.push(
      '--tls end-to-end: the bastion cannot tell who comes, so say who may: --client-ca FILE, or --access public',
    );
  if (clientCa !== undefined && access === 'public')
    problems.push('--client-ca lets only some in, and --access public everybody: choose one');
  if (authorizationFile !== undefined)
    problems.push('--authorization-file is for the bastion to add, which cannot with --tls end-to-end');
  return problems;
}

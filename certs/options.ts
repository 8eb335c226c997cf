// The options of postern-certs.

import type { ProgramSpec } from '../shared/program/options.ts';
import { domainProblem } from './authority.ts';
import { LEAF_DAYS, MAX_LEAF_DAYS } from './leaf.ts';

const directory = {
  name: 'dir',
  type: 'path',
  metavar: 'DIR',
  required: true,
  help: 'The directory that holds the CA; a bastion keeps its CA in its state directory.',
} as const;

export const CERTS_PROGRAM = {
  name: 'postern-certs',
  env: 'POSTERN_CERTS_',
  summary: 'Makes a CA that may speak for one domain only, and certificates from it.',
  commands: [
    {
      name: 'create',
      summary: 'Make a CA. One that is there already is never overwritten.',
      examples: ['postern-certs create --dir ./state --domain notebooks.example.org'],
      options: [
        directory,
        {
          name: 'domain',
          type: 'string',
          required: true,
          metavar: 'DOMAIN',
          help: 'The domain that it issues for: itself and the names below it.',
          check: (domain: string) => domainProblem(domain),
        },
      ],
    },
    {
      name: 'show',
      summary: 'Show what the CA in a directory is for, its fingerprint, and how to trust it.',
      examples: ['postern-certs show --dir ./state'],
      options: [directory],
    },
    {
      name: 'export',
      summary: "Print the CA's certificate in PEM, for browsers and for the agent's --ca.",
      examples: ['postern-certs export --dir ./state > postern-ca.pem'],
      options: [directory],
    },
    {
      name: 'issue',
      summary: 'Issue a certificate with a new key; the key is written readable by its owner only.',
      examples: ['postern-certs issue --dir ./state --cert-out bastion.pem --key-out bastion-key.pem'],
      options: [
        directory,
        {
          name: 'name',
          type: 'list',
          metavar: 'NAME',
          help: 'A host name inside the domain, *. in front allowed. Without it: the domain and the wildcard below it.',
        },
        {
          name: 'days',
          type: 'integer',
          default: LEAF_DAYS,
          metavar: 'N',
          help: `How many days it is valid, at most ${MAX_LEAF_DAYS}.`,
          check: (days: number) =>
            days >= 1 && days <= MAX_LEAF_DAYS ? undefined : `is not between 1 and ${MAX_LEAF_DAYS}`,
        },
        { name: 'cert-out', type: 'path', required: true, metavar: 'FILE', help: 'Where the certificate goes.' },
        { name: 'key-out', type: 'path', required: true, metavar: 'FILE', help: 'Where the key goes.' },
      ],
    },
  ],
} as const satisfies ProgramSpec;

// The options of postern-agent that have to do with its batch job: where the address is left, and when the notebook is stopped.

import type { OptionSpec } from '../shared/program/options.ts';

export const JOB_OPTIONS = [
  {
    name: 'url-file',
    type: 'path',
    metavar: 'FILE',
    help: 'Write the address of the notebook, without any secret, to this file, for other programs.',
  },
  {
    name: 'json',
    type: 'boolean',
    help: 'Print a line of JSON with the address and the job on standard output whenever there is a new address.',
  },
  {
    name: 'job',
    type: 'choice',
    choices: ['auto', 'none', 'htcondor', 'slurm'],
    default: 'auto',
    help: 'The batch system that the agent runs in; auto: what the environment says. none: nothing is asked or told.',
  },
  {
    name: 'time-limit',
    type: 'duration',
    default: '0',
    help: 'How long the job may run from now on, where the batch system cannot be asked. 0: not known.',
  },
  {
    name: 'idle-timeout',
    type: 'duration',
    default: '0',
    help:
      'Stop once nobody has used the notebook for so long. A Jupyter is used while a kernel is busy, and by what people do ' +
      'in it, not by an open tab; any other program by traffic. 0: never.',
    check: (value: number) => (value === 0 || value >= 1000 ? undefined : 'must be 0, or at least 1s'),
  },
  {
    name: 'idle-ignore',
    type: 'list',
    metavar: '/PATH',
    help:
      'Beginnings of paths that the pages of the notebook ask by themselves, so that it is no use of it; what JupyterLab asks ' +
      'so is known.',
    check: (paths: readonly string[]) =>
      paths.length <= 10 && paths.every((path) => /^\/[\x21-\x7e]{0,198}$/.test(path))
        ? undefined
        : 'must be at most 10 paths, each of at most 199 characters and beginning with /',
  },
  {
    name: 'notice',
    type: 'boolean',
    default: true,
    help:
      "Let the bastion add a small script to the notebook's pages that warns before the job ends. --no-notice leaves the " +
      'pages as they are.',
  },
] as const satisfies readonly OptionSpec[];

// The options on logging that every program with a log has.

import { LOG_LEVELS } from './log.ts';
import type { OptionSpec } from './options.ts';

export const LOG_OPTIONS = [
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

// All suites, in the order in which `--suite all` runs them.

import type { Suite } from './suite.ts';
import { cost } from './suites/cost.ts';
import { h2 } from './suites/h2.ts';
import { interactive } from './suites/interactive.ts';
import { isolation } from './suites/isolation.ts';
import { loopback } from './suites/loopback.ts';
import { memory } from './suites/memory.ts';
import { paths } from './suites/paths.ts';
import { recovery } from './suites/recovery.ts';
import { rough } from './suites/rough.ts';

export const SUITES: readonly Suite[] = [loopback, h2, paths, interactive, rough, isolation, cost, memory, recovery];

// Loaded into a program ahead of its own code (node --import): lets the benchmark ask what the program costs.

import { writeHeapSnapshot } from 'node:v8';
import { answerCalls } from './calls.ts';
import { settledMemory } from './memory.ts';

answerCalls({
  memory: settledMemory,
  snapshot: (file: string) => writeHeapSnapshot(file),
  /** Seconds of user and system time so far. */
  processor: () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  },
});
// The channel must not keep a program alive that has nothing else to do.
process.channel?.unref();

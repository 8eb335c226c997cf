// Loaded before each test file, as `watchdog.ts?ms=TIME`: ends a process that outlives its time, and says what kept it alive. The runner's own
// `timeout` ends a test, not a process: a test that failed and left a listening socket behind would be waited for without end.

import { writeSync } from 'node:fs';

const ms = Number(new URL(import.meta.url).searchParams.get('ms'));
setTimeout(() => {
  const kept = process.getActiveResourcesInfo().join(', ');
  writeSync(2, `${process.argv[1]} was still running after ${ms / 1000} s, kept alive by: ${kept}\n`);
  process.exit(1);
}, ms).unref();

// A leak test: links that are cut and resumed again and again, and streams by the thousand, leave no handle and no memory behind.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import type { Session } from '../../shared/mux/session.ts';
import { DOMAIN, eventually } from '../support/bastion-world.ts';
import { resumingWorld, type ResumingWorld } from '../support/resuming-world.ts';

/** `POSTERN_FAULTS=long npm test -- faults` runs the long counts. */
const LONG = process.env['POSTERN_FAULTS'] === 'long';
const CYCLES = LONG ? 10_000 : 25;
const STREAMS = LONG ? 100_000 : 1000;
/** What is left when nothing leaks varies with the collector's mood. */
const HEAP_SLACK = 4 * 2 ** 20;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

interface Left {
  readonly handles: Record<string, number>;
  readonly heap: number;
}

/** What the process holds, once what is ending has ended. */
async function left(): Promise<Left> {
  for (let round = 0; round < 5; round++) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    collect();
  }
  const handles: Record<string, number> = {};
  for (const kind of process.getActiveResourcesInfo()) handles[kind] = (handles[kind] ?? 0) + 1;
  // Timers come and go with keepalives and acknowledgements; their number is asserted with room.
  return { handles, heap: process.memoryUsage().heapUsed };
}

function compare(before: Left, after: Left, what: string): void {
  for (const [kind, count] of Object.entries(after.handles))
    assert.ok(
      count <= (before.handles[kind] ?? 0) + 4,
      `${what}: ${count} ${kind}, ${before.handles[kind] ?? 0} before`,
    );
  assert.ok(after.heap - before.heap < HEAP_SLACK, `${what}: the heap grew by ${after.heap - before.heap} bytes`);
}

async function cutAndResume(world: ResumingWorld): Promise<void> {
  const resumed = world.pauses.length + 2;
  world.relay.cut();
  await eventually(() => world.pauses.length === resumed, 'the link is resumed');
  assert.equal((await world.visit(`demo.${DOMAIN}`, '/')).status, 200);
}

test(`${CYCLES} cuts, and ${STREAMS} streams, leave nothing behind`, async (t) => {
  const world = await resumingWorld(
    t,
    createServer((_request, response) => response.end('hello')),
  );
  for (let count = 0; count < 20; count++) await cutAndResume(world);
  const before = await left();
  for (let count = 0; count < CYCLES; count++) {
    await cutAndResume(world);
    // The log of what happened is the test's own.
    if (world.pauses.length > 100) world.pauses.length = 0;
  }
  compare(before, await left(), 'cuts');

  const session = world.registered.session as Session;
  const visit = () => world.visit(`demo.${DOMAIN}`, '/');
  for (let count = 0; count < STREAMS; count += 50)
    for (const { status } of await Promise.all(Array.from({ length: 50 }, visit))) assert.equal(status, 200);
  await eventually(() => session.streams === 0, 'every stream has ended');
  assert.ok(session.stats.streamsOpened >= STREAMS);
  compare(before, await left(), 'streams');
  assert.equal(session.stats.unacknowledgedBytes, 0);
  assert.equal(session.stats.grantedBytes, 0);
});

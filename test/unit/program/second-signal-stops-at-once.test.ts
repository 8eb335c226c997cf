import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { test } from 'node:test';

import { onReload, onShutdown } from '../../../shared/program/shutdown.ts';

function world() {
  const source = new EventEmitter();
  const graceful = Promise.withResolvers<void>();
  const calls: string[] = [];
  const shutdown = onShutdown(
    {
      graceful: (signal) => {
        calls.push(`graceful ${signal}`);
        return graceful.promise;
      },
      now: (signal) => calls.push(`now ${signal}`),
    },
    source,
  );
  return { source, graceful, calls, shutdown };
}

test('the first signal asks for a graceful end, and done follows it', async () => {
  const { source, graceful, calls, shutdown } = world();
  source.emit('SIGTERM', 'SIGTERM');
  graceful.resolve();
  assert.equal(await shutdown.done, 'SIGTERM');
  assert.deepEqual(calls, ['graceful SIGTERM']);
});

test('the second signal stops at once, and later ones change nothing', async () => {
  const { source, calls, shutdown } = world();
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGINT']) source.emit(signal, signal);
  assert.equal(await shutdown.done, 'SIGTERM');
  assert.deepEqual(calls, ['graceful SIGTERM', 'now SIGINT']);
});

test('a graceful end that fails makes done fail', async () => {
  const { source, graceful, shutdown } = world();
  source.emit('SIGINT', 'SIGINT');
  graceful.reject(new Error('no'));
  await assert.rejects(shutdown.done, /no/);
});

test('after dispose the signals are free again', () => {
  const { source, calls, shutdown } = world();
  shutdown.dispose();
  shutdown.dispose();
  source.emit('SIGTERM', 'SIGTERM');
  assert.deepEqual([calls, source.listenerCount('SIGTERM')], [[], 0]);
});

test('every SIGHUP asks for a reload until that is ended', () => {
  const source = new EventEmitter();
  let reloads = 0;
  const end = onReload(() => (reloads += 1), source);
  source.emit('SIGHUP');
  source.emit('SIGHUP');
  end();
  source.emit('SIGHUP');
  assert.equal(reloads, 2);
});

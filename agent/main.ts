#!/usr/bin/env node
// postern-agent: the program that runs beside a notebook.

import { EventEmitter } from 'node:events';

import { createLog } from '../shared/program/log.ts';
import { parseOptions } from '../shared/program/options.ts';
import { runProgram } from '../shared/program/run.ts';
import { onShutdown } from '../shared/program/shutdown.ts';
import { startAgent } from './agent.ts';
import { doctor } from './doctor/doctor.ts';
import { AGENT_PROGRAM } from './options.ts';

runProgram(async ({ argv, env, stdout, stderr, readFile }) => {
  const command = parseOptions(AGENT_PROGRAM, { argv, env, readFile });
  if (command.command === 'doctor') return doctor(command.values, { env, output: stdout });
  const { logLevel, logFormat } = command.values;
  const pretty = logFormat === 'auto' ? undefined : logFormat === 'pretty';
  const log = createLog({ name: 'postern-agent', level: logLevel, pretty, stream: stderr });
  const started = startAgent(command, {
    env,
    uid: process.geteuid?.() ?? -1,
    terminal: stderr.isTTY ? stderr : undefined,
    output: stdout,
    log,
  });
  // From here on, not only once it runs: a signal in between would leave the command behind.
  const shutdown = onShutdown(
    {
      graceful: async (signal) => (await started).stop(signal),
      now: () => void started.then((running) => running.kill()),
    },
    command.command === 'run' && process.stdin.isTTY ? withoutCtrlC() : process,
  );
  const running = await started;
  process.once('exit', () => running.abandon());
  const code = await running.done;
  shutdown.dispose();
  return code;
});

/** A terminal sends Ctrl-C to the command, too: what comes of it (a Jupyter asks, and stops at the second) is the command's affair. */
function withoutCtrlC(): EventEmitter {
  const signals = new EventEmitter();
  process.on('SIGINT', () => {});
  process.on('SIGTERM', (signal) => signals.emit('SIGTERM', signal));
  return signals;
}

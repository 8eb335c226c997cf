// What postern-agent's own options refuse.

import assert from 'node:assert/strict';
import test from 'node:test';

import { OptionsProblem, parseOptions } from '../../../shared/program/options.ts';
import { AGENT_PROGRAM, type AgentCommand } from '../../../agent/options.ts';

const GOOD = ['--bastion', 'https://b.example.org:8443', '--name', 'alice-1', '--token-file', '/t'];

function parse(...argv: string[]): AgentCommand {
  const command = parseOptions(AGENT_PROGRAM, { argv, env: {}, readFile: () => '{}' });
  assert.notEqual(command.command, 'doctor');
  return command as AgentCommand;
}

function problemsOf(...argv: string[]): string {
  try {
    parse(...argv);
  } catch (error) {
    if (error instanceof OptionsProblem) return error.problems.join('\n');
    throw error;
  }
  return '';
}

function replaced(flag: string, value: string): string {
  const at = GOOD.indexOf(flag);
  return problemsOf('run', ...GOOD.with(at + 1, value), '--', 'jupyter', 'lab');
}

test('a complete command line is taken', () => {
  const { command, values, rest } = parse('run', ...GOOD, '--no-zero-mask', '--', 'jupyter', 'lab');
  assert.equal(command, 'run');
  assert.equal(values.zeroMask, false);
  assert.equal(values.access, 'private');
  assert.deepEqual(rest, ['jupyter', 'lab']);
});

test('limits are within bounds', () => {
  const flags = ['--links 0', '--links 9', '--streams 0', '--stream-rate 0', '--stream-burst 0'];
  for (const flag of flags)
    assert.match(
      problemsOf('run', ...GOOD, ...flag.split(' '), '--', 'jupyter', 'lab'),
      new RegExp(flag.split(' ')[0]!),
      flag,
    );
  assert.equal(parse('run', ...GOOD, '--links', '8', '--', 'jupyter', 'lab').values.links, 8);
  assert.equal(parse('run', ...GOOD, '--', 'jupyter', 'lab').values.links, 1);
});

test('the bastion is spoken to by HTTPS only, and its address is a host and port', () => {
  for (const wrong of [
    'http://b.example.org',
    'wss://b',
    'b.example.org',
    'https://b/x',
    'https://b/?a',
    'https://b/#a',
  ])
    assert.match(replaced('--bastion', wrong), /--bastion/, wrong);
  const secret = replaced('--bastion', 'https://user:hunter2@b.example.org');
  assert.match(secret, /--token-file/);
  assert.ok(!secret.includes('hunter2'));
});

test('a name is a label that leaves room for a port', () => {
  for (const wrong of ['', 'Alice', '-a', 'a-', 'a--b', 'a.b', 'a_b', 'a'.repeat(50)])
    assert.match(replaced('--name', wrong), /--name/, wrong);
  assert.equal(replaced('--name', 'a'.repeat(49)), '');
});

test('limits and times that cannot be are refused', () => {
  const limits = { '--streams': '0', '--stream-credit': '1KiB', '--connect-timeout': '0', '--dial-timeout': '0s' };
  for (const [flag, value] of Object.entries(limits))
    assert.match(problemsOf('run', ...GOOD, flag, value, '--', 'jupyter', 'lab'), new RegExp(flag));
});

test('run needs a command, attach a target', () => {
  assert.match(problemsOf('run', ...GOOD), /COMMAND/);
  assert.match(problemsOf('attach', ...GOOD), /--to/);
  assert.match(problemsOf('attach', ...GOOD, '--to', 'nonsense'), /--to/);
});

test('another machine is forwarded to only when that was asked for', () => {
  const elsewhere = ['attach', ...GOOD, '--to', 'http://192.0.2.1:8888'];
  assert.match(problemsOf(...elsewhere), /--allow-foreign-upstream/);
  assert.equal(problemsOf(...elsewhere, '--allow-foreign-upstream'), '');
  assert.equal(problemsOf('attach', ...GOOD, '--to', 'http://localhost:8888'), '');
});

test('--idle-ignore takes beginnings of paths, and --idle-timeout no blink of an eye', () => {
  const idle = (...more: string[]): string => problemsOf('run', ...GOOD, ...more, '--', 'jupyter', 'lab');
  assert.equal(idle('--idle-timeout', '30m', '--idle-ignore', '/health', '--idle-ignore', '/api/poll?'), '');
  assert.match(idle('--idle-ignore', 'health'), /--idle-ignore/);
  assert.match(idle('--idle-ignore', '/a b'), /--idle-ignore/);
  assert.match(idle('--idle-timeout', '10ms'), /--idle-timeout/);
});

test('TLS from end to end says who may come, and with which certificate', () => {
  const run = (...flags: string[]): string => problemsOf('run', ...GOOD, ...flags, '--', 'jupyter', 'lab');
  assert.match(run('--tls', 'end-to-end'), /--client-ca FILE, or --access public/);
  assert.equal(run('--tls', 'end-to-end', '--access', 'public'), '');
  assert.equal(run('--tls', 'end-to-end', '--client-ca', 'ca.pem'), '');
  assert.match(run('--tls', 'end-to-end', '--client-ca', 'ca.pem', '--access', 'public'), /choose one/);
  assert.match(run('--tls', 'end-to-end', '--access', 'public', '--tls-cert', 'c.pem'), /belong together/);
  assert.equal(run('--tls', 'end-to-end', '--access', 'public', '--tls-cert', 'c.pem', '--tls-key', 'k.pem'), '');
  for (const flag of ['--client-ca', '--tls-cert']) assert.match(run(flag, 'x.pem'), /needs --tls end-to-end/, flag);
  assert.match(run('--tls', 'end-to-end', '--access', 'public', '--authorization-file', 'a'), /--authorization-file/);
});

test('what looks after its visitors itself is said to be public', () => {
  const run = (...flags: string[]): string => problemsOf('run', ...GOOD, ...flags, '--', 'jupyter', 'lab');
  const dask = ['--service', 'dask=tcp:127.0.0.1:8786'];
  assert.match(run(...dask), /needs --public-service dask/);
  assert.equal(run(...dask, '--public-service', 'dask'), '');
  assert.equal(run(...dask, '--access', 'public'), '');
  assert.match(run('--public-service', 'dask'), /is no --service dask=tcp/);
  assert.match(run('--service', 'x=http://127.0.0.1:1', '--public-service', 'x'), /is no --service x=tcp/);
  for (const wrong of ['dask=tcp:127.0.0.1', 'dask=tcp://127.0.0.1:1', 'dask=tcp:127.0.0.1:0', 'dask=tcp:'])
    assert.match(run('--service', wrong, '--public-service', 'dask'), /^--service/, wrong);
});

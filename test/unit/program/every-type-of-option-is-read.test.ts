import assert from 'node:assert/strict';
import { test } from 'node:test';

import { parse, serve } from './sample-program.ts';

test('flags of every type become values of that type', () => {
  const line =
    '--domain=a.b --tls-cert ./x.pem --streams 7 --quiet=false --idle 1.5s --credit 2MiB --peer a --peer=b,c --access public';
  assert.deepEqual(serve(line), {
    domain: 'a.b',
    tlsCert: './x.pem',
    streams: 7,
    quiet: false,
    idle: 1500,
    credit: 2_097_152,
    peer: ['a', 'b,c'],
    access: 'public',
    password: undefined,
  });
});

test('a text that looks like a number stays a text', () => {
  assert.equal(serve('--domain 007').domain, '007');
  assert.equal(serve('--domain 1e3').domain, '1e3');
});

test('variables are read like flags, with commas between the items of a list', () => {
  const env = {
    SAMPLE_DOMAIN: 'a.b',
    SAMPLE_PEER: 'a, b',
    SAMPLE_QUIET: 'true',
    SAMPLE_CREDIT: '1000',
    SAMPLE_IDLE: '0',
  };
  const values = serve('', { env });
  assert.deepEqual([values.peer, values.quiet, values.credit, values.idle], [['a', 'b'], true, 1000, 0]);
});

test('a configuration file may hold numbers, booleans and lists as such', () => {
  const values = serve('--config f', {
    files: { f: { domain: 'a.b', peer: ['a', 'b'], quiet: true, streams: 5, idle: '2h', credit: 10 } },
  });
  assert.deepEqual(
    [values.peer, values.quiet, values.streams, values.idle, values.credit],
    [['a', 'b'], true, 5, 7_200_000, 10],
  );
});

test('durations know milliseconds, seconds, minutes, hours and days', () => {
  const read = (text: string): number => serve(`--domain a --idle ${text}`).idle;
  assert.deepEqual(['200ms', '30s', '15m', '12h', '7d'].map(read), [200, 30_000, 900_000, 43_200_000, 604_800_000]);
});

test('commands may have several words', () => {
  const parsed = parse('token create --owner alice');
  assert.equal(parsed.command, 'token create');
  assert.deepEqual(parsed.values, { owner: 'alice' });
});

test('what stands after -- is kept as it is', () => {
  assert.deepEqual(parse('run -- jupyter lab --port={port} -- --help').rest, [
    'jupyter',
    'lab',
    '--port={port}',
    '--',
    '--help',
  ]);
});

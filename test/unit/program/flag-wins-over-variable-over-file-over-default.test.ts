import assert from 'node:assert/strict';
import { test } from 'node:test';

import { serve } from './sample-program.ts';

const env = { SAMPLE_DOMAIN: 'env.example.org', SAMPLE_CONFIG: 'postern.json' };
const files = { 'postern.json': { domain: 'file.example.org', streams: 3 } };

test('a flag wins over the environment', () => {
  assert.equal(serve('--domain flag.example.org', { env, files }).domain, 'flag.example.org');
});

test('the environment wins over the configuration file', () => {
  assert.equal(serve('', { env, files }).domain, 'env.example.org');
});

test('the configuration file wins over the default', () => {
  assert.equal(serve('', { env, files }).streams, 3);
});

test('what nobody gives has its default, or is undefined, empty or false', () => {
  assert.deepEqual(serve('--domain a.b'), {
    domain: 'a.b',
    tlsCert: undefined,
    streams: 100,
    quiet: false,
    idle: 30_000,
    credit: 262_144,
    peer: [],
    access: 'private',
    password: undefined,
  });
});

test('a variable set to nothing counts as not set', () => {
  assert.equal(serve('', { env: { ...env, SAMPLE_DOMAIN: '' }, files }).domain, 'file.example.org');
});

test('--config wins over the variable that names a configuration file', () => {
  const both = { ...files, 'other.json': { domain: 'other.example.org' } };
  assert.equal(
    serve('--config other.json', { env: { SAMPLE_CONFIG: 'postern.json' }, files: both }).domain,
    'other.example.org',
  );
});

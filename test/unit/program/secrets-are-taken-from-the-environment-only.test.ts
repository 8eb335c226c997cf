import assert from 'node:assert/strict';
import { test } from 'node:test';

import { problems, serve } from './sample-program.ts';

test('a secret comes from its variable', () => {
  assert.equal(serve('--domain a', { env: { SAMPLE_PASSWORD: 'hush' } }).password, 'hush');
});

test('a secret has no flag and no key in the configuration file', () => {
  assert.deepEqual(problems('serve --domain a --password hush'), ['--password: there is no such option']);
  assert.deepEqual(problems('serve --domain a --config f', { files: { f: { password: 'hush' } } }), [
    'f: "password": there is no such option',
  ]);
});

test('a problem with a secret does not repeat it', () => {
  const found = problems('serve --domain a', { env: { SAMPLE_PASSWORD: 'HUSH' } });
  assert.deepEqual(found, ['SAMPLE_PASSWORD: is not in lower case']);
});

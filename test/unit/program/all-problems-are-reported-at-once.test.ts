import assert from 'node:assert/strict';
import { test } from 'node:test';

import { problems } from './sample-program.ts';

test('every problem of flags, variables and file is in one list', () => {
  const found = problems('serve extra --nope --streams many --idle 3 --access all --credit 1TB --quiet=maybe -- rest', {
    env: { SAMPLE_WHAT: '1', SAMPLE_PEER: 'a,,b', SAMPLE_CONFIG: 'f' },
    files: { f: { domain: 5, 'tls-crt': 'x' } },
  });
  assert.deepEqual(found, [
    'unexpected argument "extra"',
    '--nope: there is no such option',
    '--quiet=maybe: the value is neither true nor false',
    'SAMPLE_WHAT: there is no such option',
    'f: "tls-crt": there is no such option',
    'nothing may follow -- here, but "rest" does',
    'f: "domain": "5" is not a value of type string',
    '--streams: "many" is not a whole number',
    '--idle: "3" is not a duration such as 200ms, 30s, 15m or 12h',
    '--credit: "1TB" is not a number of bytes such as 64KiB or 16MiB',
    'SAMPLE_PEER: holds an empty item',
    '--access: "all" is not one of private, public',
  ]);
});

test('a required option that is missing names its flag and its variable', () => {
  assert.deepEqual(problems('serve'), ['--domain (or SAMPLE_DOMAIN) is needed']);
});

test('a flag without a value, negated or given twice is a problem', () => {
  assert.deepEqual(problems('serve --domain'), ['--domain: needs a value']);
  assert.deepEqual(problems('serve --no-domain'), ['--domain: needs a value']);
  assert.deepEqual(problems('serve --domain a --domain b'), ['--domain: given more than once']);
});

test('flags named like what every object has are unknown like any other', () => {
  for (const name of ['--__proto__', '--constructor', '--toString', '--no-valueOf'])
    assert.deepEqual(problems(`serve --domain a ${name}`), [`${name}: there is no such option`]);
});

test("the table's own checks speak", () => {
  assert.deepEqual(problems('serve --domain A'), ['--domain: is not in lower case']);
  assert.deepEqual(problems('serve --domain a --quiet --streams 7'), ['--quiet does not go with 7 streams']);
});

test('a configuration file that is missing or no JSON object is a problem', () => {
  assert.deepEqual(problems('serve --domain a --config f'), ['--config: cannot use f: no such file']);
  assert.deepEqual(problems('serve --domain a --config f', { files: { f: '[]' } }), [
    '--config: cannot use f: not a JSON object',
  ]);
  assert.match(problems('serve --domain a --config f', { files: { f: '{' } })[0] ?? '', /^--config: cannot use f: /);
});

test('a configuration file may serve the other commands, too', () => {
  assert.deepEqual(problems('serve --domain a --config f', { files: { f: { owner: 'alice' } } }), []);
});

test('variables with the prefix that other programs read are no problem', () => {
  assert.deepEqual(problems('serve --domain a', { env: { SAMPLE_BIN: 'x', OTHER: 'y', SAMPLE_OWNER: 'z' } }), []);
});

test('an unknown command, none at all, or a missing rest is a problem', () => {
  assert.deepEqual(problems('serf'), ['unknown command "serf"; the commands are: serve, token create, run']);
  assert.deepEqual(problems('token'), ['unknown command "token"; the commands are: serve, token create, run']);
  assert.deepEqual(problems(''), ['no command given; the commands are: serve, token create, run']);
  assert.deepEqual(problems('run'), ['COMMAND ... is needed after --']);
});

import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';

import { createLog, type LogLevel } from '../../../shared/program/log.ts';

function logged(
  write: (log: ReturnType<typeof createLog>) => void,
  how: { pretty?: boolean; level?: LogLevel } = {},
): string {
  const stream = new PassThrough();
  const { level = 'info', pretty } = how;
  write(createLog({ name: 'postern-test', level, pretty, stream }));
  return String(stream.read() ?? '');
}

const secrets = {
  token: 'hush-1',
  headers: { authorization: 'hush-2', cookie: 'hush-3', 'set-cookie': 'hush-4' },
  registration: { secret: 'hush-5' },
  resumeKey: 'hush-6',
};

test('fields that hold secrets are replaced, at the top and one level down', () => {
  assert.doesNotMatch(
    logged((log) => log.info(secrets, 'hello')),
    /hush/,
  );
  assert.doesNotMatch(
    logged((log) => log.info(secrets, 'hello'), { pretty: true }),
    /hush/,
  );
});

test('bindings of a child are looked through as well', () => {
  assert.doesNotMatch(
    logged((log) => log.child(secrets).warn({}, 'hello')),
    /hush/,
  );
});

test('without a terminal a line is JSON with level, time and message', () => {
  const line = JSON.parse(logged((log) => log.info({ name: 'alice' }, 'hello'))) as Record<string, unknown>;
  assert.equal(line['level'], 'info');
  assert.equal(line['msg'], 'hello');
  assert.match(String(line['time']), /^\d{4}-\d\d-\d\dT/);
});

test('an error keeps its message, its code and its cause', () => {
  const err = new Error('outer', { cause: new Error('inner') });
  assert.match(
    logged((log) => log.error({ err }, 'failed')),
    /outer.*inner/,
  );
});

test('what is below the level is not written', () => {
  assert.equal(
    logged((log) => log.info({}, 'hello'), { level: 'warn' }),
    '',
  );
  assert.equal(
    logged((log) => log.error({}, 'hello'), { level: 'silent' }),
    '',
  );
});

// systemd's variables for an inherited socket count for the process that they name, and for no other.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { inheritedSocket } from '../../../shared/program/inherited.ts';

test('the first descriptor is taken when the variables name this process', () => {
  assert.equal(inheritedSocket({ LISTEN_FDS: '1', LISTEN_PID: '77' }, 77), 3);
});

test('what was meant for an ancestor, or is not there, counts for nothing', () => {
  for (const env of [{}, { LISTEN_FDS: '1' }, { LISTEN_FDS: '1', LISTEN_PID: '76' }, { LISTEN_PID: '77' }])
    assert.equal(inheritedSocket(env, 77), undefined);
});

test('more sockets than one, or none, are a mistake', () => {
  for (const count of ['0', '2', 'x'])
    assert.throws(() => inheritedSocket({ LISTEN_FDS: count, LISTEN_PID: '77' }, 77), { code: 'options-invalid' });
});

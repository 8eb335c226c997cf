// Whoever starts a program with a Node.js that is too old is told which one it takes.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { isTooOld } from '../../../shared/program/run.ts';

test('releases before 24.2 are too old, later ones are not', () => {
  for (const version of ['18.20.8', '20.20.2', '22.21.0', '24.0.0', '24.1.9']) assert.ok(isTooOld(version), version);
  for (const version of ['24.2.0', '24.21.0', '25.0.0', '30.1.2-nightly']) assert.ok(!isTooOld(version), version);
});

// Reads the tables of errors and options, and fails for a row that no test mentions.

import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { AGENT_PROGRAM } from '../../../agent/options.ts';
import { BASTION_PROGRAM } from '../../../bastion/options.ts';
import { CERTS_PROGRAM } from '../../../certs/options.ts';
import { ERRORS } from '../../../shared/errors.ts';
import { camelName, envName, type ProgramSpec } from '../../../shared/program/option-table.ts';

const tests = globSync('**/*.ts', { cwd: join(import.meta.dirname, '..', '..') })
  .filter((file) => !file.includes('every-error-and-option-is-tested'))
  .map((file) => readFileSync(join(import.meta.dirname, '..', '..', file), 'utf8'))
  .join('\n');

/** The row's name as a word of its own, between quotes, dashes or other punctuation. */
function isMentioned(...spellings: readonly string[]): boolean {
  return spellings.some((text) => new RegExp(`(?<![\\w-])(--)?${text}(?![\\w-])`).test(tests));
}

test('every error code is mentioned by a test', () => {
  assert.deepEqual(
    ERRORS.map(({ code }) => code).filter((code) => !isMentioned(code)),
    [],
  );
});

for (const program of [BASTION_PROGRAM, AGENT_PROGRAM, CERTS_PROGRAM] as readonly ProgramSpec[])
  test(`every option of ${program.name} is mentioned by a test`, () => {
    const options = new Map(program.commands.flatMap(({ options: own }) => own.map((option) => [option.name, option])));
    const untested = [...options.values()].filter(
      (option) => !isMentioned(option.name, camelName(option.name), envName(program, option)),
    );
    assert.deepEqual(
      untested.map(({ name }) => `--${name}`),
      [],
    );
  });

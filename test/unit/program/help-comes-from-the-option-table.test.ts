import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { HelpWanted } from '../../../shared/program/options.ts';
import { VERSION } from '../../../shared/program/version.ts';
import { parse } from './sample-program.ts';

function help(line: string): string {
  try {
    parse(line);
  } catch (error) {
    if (error instanceof HelpWanted) return error.text;
    throw error;
  }
  throw new Error('no help was wanted');
}

test('--help of the program lists its commands', () => {
  assert.match(help('--help'), /^Usage: postern-sample COMMAND/);
  assert.match(help('-h'), / {2}token create {2}Make one\./);
});

test('--help of a command shows options, defaults, variables and examples', () => {
  const text = help('serve --help --domain');
  assert.match(text, /--idle TIME\n {6}How long\. \[default: 30s; SAMPLE_IDLE\]/);
  assert.match(text, /--domain TEXT\n {6}The domain\. \[required; SAMPLE_DOMAIN\]/);
  assert.match(text, /SAMPLE_PASSWORD \(environment only\)/);
  assert.match(text, /Examples:\n {2}postern-sample serve --domain notebooks\.example\.org/);
});

test('help of a command that runs another shows where that goes', () => {
  assert.match(help('run --help'), /^Usage: postern-sample run \[OPTIONS\] -- COMMAND \.\.\./);
});

test('--version prints the release that package.json names', () => {
  const file = join(import.meta.dirname, '..', '..', '..', 'package.json');
  const { version } = JSON.parse(readFileSync(file, 'utf8')) as { version: string };
  assert.equal(help('--version'), `postern-sample ${version}\n`);
  assert.equal(VERSION, version);
});

test('--help after -- belongs to the command there', () => {
  assert.deepEqual(parse('run -- jupyter --help').rest, ['jupyter', '--help']);
});

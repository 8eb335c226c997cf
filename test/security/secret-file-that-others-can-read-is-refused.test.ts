// The token's file on a shared file system.

import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';

import { readSecretFile } from '../../agent/secret-file.ts';
import { PosternError } from '../../shared/errors.ts';

const directory = mkdtempSync(join(tmpdir(), 'postern-test-'));
const path = join(directory, 'token');
test.after(() => rmSync(directory, { recursive: true, force: true }));

function write(text: string, mode: number): void {
  rmSync(path, { force: true });
  writeFileSync(path, text);
  chmodSync(path, mode);
}

test('a private file is read without the white space around it', () => {
  for (const mode of [0o600, 0o400, 0o700]) {
    write('abc.def\n', mode);
    assert.equal(readSecretFile(path), 'abc.def');
  }
});

test('a file that the group or anybody can use is refused, and the remedy named', () => {
  for (const mode of [0o640, 0o604, 0o620, 0o602, 0o644, 0o666]) {
    write('abc', mode);
    assert.throws(
      () => readSecretFile(path),
      (error) => error instanceof PosternError && error.code === 'options-invalid' && /chmod 600/.test(error.message),
    );
  }
});

test('what is no single line of text is refused, without repeating it', () => {
  for (const text of ['', '  \n', 'two\nlines', 'caf\u00e9', 'a\0b', 'x'.repeat(8193)]) {
    write(text, 0o600);
    assert.throws(
      () => readSecretFile(path),
      (error) => error instanceof PosternError && (text.length < 3 || !error.message.includes(text)),
    );
  }
  assert.throws(() => readSecretFile(join(directory, 'missing')), { code: 'options-invalid' });
});

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { PosternError } from '../../../shared/errors.ts';
import { HelpWanted, OptionsProblem } from '../../../shared/program/options.ts';
import { explain } from '../../../shared/program/run.ts';

test('problems with options go to standard error, one a line, with exit code 2', () => {
  assert.deepEqual(explain(new OptionsProblem('postern-agent run', ['--name: is needed', '--to: is odd'])), {
    text: 'postern-agent run: the options have 2 problems:\n  --name: is needed\n  --to: is odd\nSee postern-agent run --help.\n',
    code: 2,
    stream: 'stderr',
  });
});

test('problems with options are an error of the table', () => {
  assert.equal(new OptionsProblem('x', ['y']).code, 'options-invalid');
});

test('help goes to standard output with exit code 0', () => {
  assert.deepEqual(explain(new HelpWanted('Usage\n')), { text: 'Usage\n', code: 0, stream: 'stdout' });
});

test('an error of ours is told with its code and its advice, without a stack', () => {
  const { text, code } = explain(new PosternError('state-unusable', '/state: no such directory'));
  assert.match(text, /\/state: no such directory \(state-unusable\)\nCheck that it exists/);
  assert.doesNotMatch(text, / at /);
  assert.equal(code, 1);
});

test('anything else is shown with its stack', () => {
  assert.match(explain(new TypeError('odd')).text, /TypeError: odd\n\s+at /);
});

test('an option that turns out to be unusable later has the exit code of options, too', () => {
  assert.equal(explain(new PosternError('options-invalid', '--token-file')).code, 2);
});

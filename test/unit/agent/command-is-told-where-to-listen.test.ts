// What `run` makes of its command: placeholders, and what a Jupyter needs.

import assert from 'node:assert/strict';
import test from 'node:test';

import { isJupyter, listeningOf, prepareCommand, type Placement } from '../../../agent/command.ts';

const SOCKET: Placement = { listening: 'socket', value: '/tmp/x/socket' };
const PORT: Placement = { listening: 'port', value: '4711' };

function prepare(words: readonly string[], placement: Placement = SOCKET, env: Record<string, string> = {}) {
  return prepareCommand({ words, placement, token: 'fresh', env });
}

test('placeholders are substituted wherever they stand', () => {
  assert.deepEqual(prepare(['serve', '--at=unix:{socket}', '{socket}{socket}', '{port}']).words, [
    'serve',
    '--at=unix:/tmp/x/socket',
    '/tmp/x/socket/tmp/x/socket',
    '{port}',
  ]);
  assert.deepEqual(prepare(['serve', '127.0.0.1:{port}'], PORT).words, ['serve', '127.0.0.1:4711']);
});

test('a command has to say where it listens, once', () => {
  assert.equal(listeningOf(['serve', '{socket}']), 'socket');
  assert.equal(listeningOf(['serve', '--port={port}']), 'port');
  assert.throws(() => listeningOf(['serve']), { code: 'options-invalid' });
  assert.throws(() => listeningOf(['serve', '{port}', '{socket}']), { code: 'options-invalid' });
});

test('a Jupyter is recognised, also inside a wrapper', () => {
  const yes = [
    'jupyter lab',
    '/opt/conda/bin/jupyter notebook --debug',
    'jupyter server',
    'jupyter-lab',
    '/x/jupyter-notebook',
    'python -m jupyterlab',
    '/usr/bin/python3.12 -m jupyter lab',
    'apptainer exec image.sif jupyter lab',
    'micromamba run -n env jupyter lab',
  ];
  for (const line of yes) assert.ok(isJupyter(line.split(' ')), line);
  const no = ['jupyter nbconvert x.ipynb', 'jupyter', 'python -m http.server', 'code-server', 'node -m jupyterlab'];
  for (const line of no) assert.ok(!isJupyter(line.split(' ')), line);
});

test('a Jupyter gets a socket by itself, unless it was told where to listen', () => {
  assert.equal(listeningOf(['jupyter', 'lab']), 'socket');
  assert.throws(() => listeningOf(['jupyter', 'lab', '--port=8888']), { code: 'options-invalid' });
  assert.throws(() => listeningOf(['jupyter', 'lab', '--ServerApp.ip', '0.0.0.0']), { code: 'options-invalid' });
  assert.ok(prepare(['jupyter', 'lab']).words.includes('--ServerApp.sock=/tmp/x/socket'));
  assert.deepEqual(prepare(['jupyter', 'lab', '--port={port}'], PORT).words, [
    'jupyter',
    'lab',
    '--port=4711',
    '--ServerApp.allow_remote_access=True',
    '--no-browser',
  ]);
});

test('what a Jupyter was told already is not said twice', () => {
  const words = ['jupyter', 'lab', '--ServerApp.sock={socket}', '--no-browser', '--ServerApp.allow_remote_access=True'];
  assert.equal(prepare(words).words.length, words.length);
  const other = ['jupyter', 'lab', '--ServerApp.open_browser=False', '--NotebookApp.allow_remote_access=True'];
  assert.equal(prepare(other).words.length, other.length + 1);
});

test('a Jupyter gets its token by the environment, never on its command line', () => {
  const prepared = prepare(['jupyter', 'lab']);
  assert.deepEqual(prepared.env, { JUPYTER_TOKEN: 'fresh' });
  assert.equal(prepared.token, 'fresh');
  assert.ok(!prepared.words.join(' ').includes('fresh'));
});

test("a Jupyter's own token is respected", () => {
  assert.equal(prepare(['jupyter', 'lab'], SOCKET, { JUPYTER_TOKEN: 'mine' }).token, 'mine');
  assert.equal(prepare(['jupyter', 'lab', '--IdentityProvider.token=abc']).token, 'abc');
  assert.equal(prepare(['jupyter', 'lab', '--ServerApp.token', 'abc']).token, 'abc');
  for (const off of ["--ServerApp.token=''", '--NotebookApp.token=']) {
    const prepared = prepare(['jupyter', 'lab', off]);
    assert.equal(prepared.token, undefined);
    assert.deepEqual(prepared.env, {});
  }
});

test('any other command finds a token in POSTERN_UPSTREAM_TOKEN', () => {
  const prepared = prepare(['code-server', '--socket', '{socket}']);
  assert.deepEqual(prepared.env, { POSTERN_UPSTREAM_TOKEN: 'fresh' });
  assert.equal(prepared.jupyter, false);
});

test("where a Jupyter's URLs begin is read from its flags", () => {
  const base = (...flags: string[]): string => prepare(['jupyter', 'lab', ...flags]).base;
  assert.equal(base(), '/');
  assert.equal(base('--ServerApp.base_url=/user/alice'), '/user/alice/');
  assert.equal(base('--ServerApp.base_url', 'x/y/'), '/x/y/');
  assert.equal(base('--ServerApp.base_url=/'), '/');
});

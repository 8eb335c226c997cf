// Proves that the linter refuses what the architecture forbids: a small tree with one violation per file, and its lawful twin.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';

import { oxlintConfiguration } from '../../../contrib/tooling/walls.ts';

interface Diagnostic {
  readonly filename: string;
  readonly message: string;
  readonly help?: string;
  readonly code: string;
}

const root = join(import.meta.dirname, '..', '..', '..');
const tree = mkdtempSync(join(tmpdir(), 'postern-walls-'));
after(() => rmSync(tree, { recursive: true, force: true }));

/** [wall, file, its only line, with what the rule's message or code contains] */
const FORBIDDEN: readonly (readonly [string, string, string])[] = [
  ['W1', 'shared/net/one.ts', "export * from '../../bastion/bastion.ts';"],
  ['W1', 'shared/two.ts', "export * from '../agent/agent.ts';"],
  ['W1', 'shared/program/three.ts', "export * from '../../certs/leaf.ts';"],
  ['W1', 'shared/mux/four.ts', "export * from '../../test/support/link-pair.ts';"],
  ['W2', 'bastion/front/one.ts', "export * from '../../agent/dial.ts';"],
  ['W2', 'bastion/main.ts', "export * from '../agent/dial.ts';"],
  ['W2', 'agent/job/one.ts', "export * from '../../bastion/tls/tls-source.ts';"],
  ['W2', 'agent/two.ts', "import type { A } from '../bastion/bastion.ts';\nexport type B = A;"],
  ['W2', 'certs/one.ts', "export * from '../bastion/bastion.ts';"],
  ['W3', 'shared/wire/one.ts', "export * from '../mux/session.ts';"],
  ['W3', 'shared/mux/one.ts', "export * from '../link/websocket-link.ts';"],
  ['W3', 'shared/net/two.ts', "export * from '../wire/frame.ts';"],
  ['W3', 'shared/program/two.ts', "export * from '../mux/session.ts';"],
  ['W3', 'shared/program/log.ts', "export * from '../mux/session.ts';"],
  ['ground', 'shared/errors.ts', "export * from 'node:fs';"],
  ['W4', 'shared/wire/two.ts', "export * from 'node:net';"],
  ['W4', 'shared/wire/three.ts', 'setTimeout(() => {}, 1);'],
  ['W4', 'shared/mux/credit.ts', "export * from 'node:timers';"],
  ['W4', 'shared/mux/stream-state.ts', 'setInterval(() => {}, 1);'],
  ['W4', 'bastion/front/hostname.ts', "export * from '../../shared/program/log.ts';"],
  ['W4', 'bastion/forward/headers.ts', "export * from 'node:http';"],
  ['W4', 'bastion/forward/response.ts', "export * from 'node:fs/promises';"],
  ['W6', 'bastion/tunnels/registration.ts', "export * from 'ws';"],
  ['W4', 'agent/upstreams/target.ts', "export * from 'node:net';"],
  ['W5', 'bastion/front/two.ts', "export * from '../tls/custom-ca.ts';"],
  ['W5', 'bastion/tunnels/one.ts', "export * from '../auth/token.ts';"],
  ['W5', 'bastion/options.ts', "export * from './store/sqlite.ts';"],
  ['W5', 'bastion/tls/files.ts', "export * from './custom-ca.ts';"],
  ['W5', 'agent/serve.ts', "export * from './upstreams/socket.ts';"],
  ['W6', 'shared/mux/five.ts', "export * from 'ws';"],
  ['W6', 'bastion/tunnels/two.ts', "export * from 'ws';"],
  ['W6', 'shared/program/four.ts', "export * from 'pino';"],
  ['W6', 'shared/program/options.ts', "export * from 'pino';"],
  ['W6', 'bastion/front/three.ts', "export * from 'prom-client';"],
  ['W6', 'agent/options.ts', "export * from 'yargs';"],
  ['W6', 'certs/leaf.ts', "export * from 'node-forge/lib/asn1.js';"],
  ['W6', 'bastion/tls/one.ts', "export * from 'jose';"],
  ['W6', 'bastion/forward/one.ts', "export * from 'http-proxy';"],
  ['W7', 'bastion/front/four.ts', 'export const pid = process.pid;'],
  ['W7', 'agent/agent.ts', "export * from 'node:process';"],
  ['W7', 'shared/link/one.ts', 'export const { argv } = globalThis.process;'],
  ['W7', 'certs/store.ts', "export * from 'process';"],
  ['W8', 'bastion/forward/two.ts', "export * from '../front/front.ts';"],
  ['W8', 'bastion/tunnels/three.ts', "export * from '../forward/exchange.ts';"],
  ['W8', 'bastion/auth/one.ts', "export * from '../tunnels/tunnel.ts';"],
  ['W8', 'bastion/tls/two.ts', "export * from '../auth/gate.ts';"],
  ['W9', 'shared/three.ts', "export * from 'postern/shared/errors.ts';"],
  ['W9', 'test/unit/one.ts', "export * from '#shared/errors.ts';"],
  ['no-cycle', 'agent/cycle-a.ts', "export * from './cycle-b.ts';"],
  ['no-cycle', 'agent/cycle-b.ts', "export * from './cycle-a.ts';"],
  ['max-params', 'agent/five.ts', 'export const f = (a, b, c, d, e) => a + b + c + d + e;'],
];

const ALLOWED: readonly (readonly [string, string])[] = [
  [
    'shared/link/websocket-link.ts',
    "export * from 'ws';\nexport * from '../mux/link.ts';\nexport * from '../net/resolve.ts';",
  ],
  ['shared/wire/four.ts', "export * from '../errors.ts';\nexport * from 'node:buffer';"],
  [
    'bastion/forward/response-head.ts',
    "import type { IncomingHttpHeaders } from 'node:http';\nexport type H = IncomingHttpHeaders;",
  ],
  ['shared/mux/session.ts', "export * from '../wire/frame.ts';\nexport * from 'node:stream';"],
  ['shared/program/run.ts', 'export const pid = process.pid;'],
  ['bastion/bastion.ts', "export * from './tls/custom-ca.ts';\nexport * from './auth/token.ts';"],
  ['bastion/metrics.ts', "export * from 'prom-client';"],
  ['bastion/auth/token.ts', "export * from 'jose';\nexport * from './authenticator.ts';"],
  ['bastion/tls/custom-ca.ts', "export * from '../../certs/store.ts';"],
  ['bastion/front/five.ts', "export * from '../forward/exchange.ts';\nexport * from '../tls/tls-source.ts';"],
  ['agent/main.ts', "export const pid = process.pid;\nexport * from './upstreams/socket.ts';"],
  ['certs/der.ts', "export * from 'node-forge';"],
  ['test/unit/two.ts', "export * from '../../bastion/tls/files.ts';\nexport const pid = process.pid;"],
];

function lint(): Promise<readonly Diagnostic[]> {
  writeFileSync(join(tree, '.oxlintrc.json'), readFileSync(join(root, '.oxlintrc.json')));
  for (const [file = '', text = ''] of [...FORBIDDEN.map((row) => row.slice(1)), ...ALLOWED]) {
    mkdirSync(dirname(join(tree, file)), { recursive: true });
    writeFileSync(join(tree, file), `${text}\n`);
  }
  const oxlint = join(root, 'node_modules', 'oxlint', 'bin', 'oxlint');
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [oxlint, '--format', 'json'], { cwd: tree, maxBuffer: 2 ** 24 }, (_, stdout, stderr) => {
      try {
        resolve((JSON.parse(stdout) as { diagnostics: readonly Diagnostic[] }).diagnostics);
      } catch {
        reject(new Error(`oxlint said: ${stdout}${stderr}`));
      }
    });
  });
}

const diagnostics = await lint();

for (const [wall, file, text] of FORBIDDEN)
  test(`${wall}: ${file} may not hold ${text.split('\n')[0] ?? ''}`, () => {
    const found = diagnostics.filter(({ filename }) => filename === file);
    assert.ok(
      found.some((diagnostic) => JSON.stringify(diagnostic).includes(wall)),
      `found only ${JSON.stringify(found)}`,
    );
  });

for (const [file] of ALLOWED)
  test(`${file} may import what is its own affair`, () => {
    assert.deepEqual(
      diagnostics.filter(({ filename, code }) => filename === file && /restricted|cycle/.test(code)),
      [],
    );
  });

test('the configuration in the repository is the one that the table of walls gives', () => {
  assert.equal(readFileSync(join(root, '.oxlintrc.json'), 'utf8'), oxlintConfiguration());
});

test('W9: no source is more than two folders below a top-level one', () => {
  assert.deepEqual(globSync('{shared,bastion,agent,certs,test,contrib,bench}/*/*/*/**/*.ts', { cwd: root }), []);
});

import assert from 'node:assert/strict';
import { request } from 'node:http';
import { after, test } from 'node:test';

import { startAdmin } from '../../shared/program/admin.ts';

let ready = false;
let metrics = (): Promise<string> => Promise.resolve('postern_tunnels 1\n');
const admin = await startAdmin({ host: '127.0.0.1', port: 0, ready: () => ready, metrics: () => metrics() });
after(() => admin.close());

function ask(
  path: string,
  options: { method?: string; host?: string } = {},
): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const headers = options.host === undefined ? {} : { host: options.host };
    request({ port: admin.port, host: '127.0.0.1', path, method: options.method ?? 'GET', headers }, (response) => {
      response.setEncoding('utf8');
      let text = '';
      response.on('data', (chunk: string) => (text += chunk));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
    })
      .on('error', reject)
      .end();
  });
}

test('/healthz answers as long as the program lives', async () => {
  assert.deepEqual(await ask('/healthz'), { status: 200, text: 'ok\n' });
});

test('/readyz follows the program', async () => {
  assert.equal((await ask('/readyz')).status, 503);
  ready = true;
  assert.equal((await ask('/readyz')).status, 200);
});

test('/metrics gives what was collected', async () => {
  assert.deepEqual(await ask('/metrics'), { status: 200, text: 'postern_tunnels 1\n' });
});

test('a collection that fails is a 500, not an end of the program', async () => {
  metrics = () => Promise.reject(new Error('no'));
  assert.equal((await ask('/metrics')).status, 500);
});

test('other paths and methods are refused', async () => {
  assert.equal((await ask('/')).status, 404);
  assert.equal((await ask('/metrics', { method: 'POST' })).status, 405);
});

test('a page that rebinds its DNS name to loopback reads nothing', async () => {
  assert.equal((await ask('/metrics', { host: 'evil.example.org' })).status, 421);
  assert.equal((await ask('/healthz', { host: 'localhost:9090' })).status, 200);
});

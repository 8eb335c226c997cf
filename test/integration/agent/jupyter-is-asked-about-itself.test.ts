// What a Jupyter's answers mean for its use: read strictly, asked in a way that is no use itself, and never an error.

import assert from 'node:assert/strict';
import type { RequestListener } from 'node:http';
import { createServer } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import test from 'node:test';

import { createJupyter, type Jupyter } from '../../../agent/jupyter.ts';

const NOW = Date.UTC(2027, 0, 15, 8, 0, 0);

async function asking<T>(
  answer: RequestListener,
  body: (jupyter: Jupyter, asked: string[]) => Promise<T>,
  certain = true,
): Promise<T> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url} ${request.headers.authorization}`);
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const upstream = { label: 'test', dial: () => Promise.resolve(connect({ port, host: '127.0.0.1' })) };
  try {
    return await body(
      createJupyter({ upstream, authorization: 'token t', base: '/user/alice/', certain, now: () => NOW }),
      asked,
    );
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

function lists(kernels: unknown, terminals: unknown = []): RequestListener {
  return (request, response) =>
    response.end(JSON.stringify(request.url?.includes('/api/kernels') === true ? kernels : terminals));
}

test('it is asked below its own base, with its token, and without that counting as use', async () => {
  await asking(lists([]), async (jupyter, asked) => {
    assert.deepEqual(await jupyter.testimony(), { kind: 'jupyter', busy: false, quietMs: undefined });
    assert.deepEqual(asked.toSorted(), [
      'GET /user/alice/api/kernels?no_track_activity=1 token t',
      'GET /user/alice/api/terminals?no_track_activity=1 token t',
    ]);
  });
});

test('the youngest activity of any kernel or terminal counts, and one busy kernel is enough', async () => {
  const idle = { execution_state: 'idle', last_activity: '2027-01-15T07:00:00.000000Z' };
  const terminal = { name: '1', last_activity: '2027-01-15T07:50:00.000000Z' };
  const quiet = await asking(lists([idle, {}, { last_activity: 7 }], [terminal]), (jupyter) => jupyter.testimony());
  assert.deepEqual(quiet, { kind: 'jupyter', busy: false, quietMs: 600_000 });
  const busy = await asking(lists([idle, { ...idle, execution_state: 'busy' }]), (jupyter) => jupyter.testimony());
  assert.deepEqual(busy, { kind: 'jupyter', busy: true, quietMs: 3_600_000 });
});

test('a clock that is ahead does not make it younger than now', async () => {
  const kernel = { execution_state: 'idle', last_activity: '2027-01-15T09:00:00Z' };
  const told = await asking(lists([kernel]), (jupyter) => jupyter.testimony());
  assert.deepEqual(told, { kind: 'jupyter', busy: false, quietMs: 0 });
});

test('a server without terminals is a Jupyter all the same', async () => {
  const answer: RequestListener = (request, response) => {
    if (request.url?.includes('terminals') === true) response.statusCode = 404;
    response.end('[]');
  };
  assert.equal((await asking(answer, (jupyter) => jupyter.testimony())).kind, 'jupyter');
});

test('what answers otherwise is another program, or a Jupyter that cannot answer now', async () => {
  const page: RequestListener = (_, response) => response.end('<p>hello</p>');
  const wrong: RequestListener = (_, response) => response.end('{"kernels":1}');
  const busy: RequestListener = (_, response) => response.writeHead(503).end();
  const gone: RequestListener = (request) => request.socket.destroy();
  for (const [answer, certain, kind] of [
    [page, false, 'other'],
    [wrong, false, 'other'],
    [gone, false, 'other'],
    [busy, true, 'silent'],
    [gone, true, 'silent'],
  ] as const)
    assert.equal((await asking(answer, (jupyter) => jupyter.testimony(), certain)).kind, kind);
});

test('it is asked to end, and only a clear yes is one', async () => {
  const yes: RequestListener = (_, response) => response.end();
  const no: RequestListener = (_, response) => response.writeHead(403).end();
  const gone: RequestListener = (request) => request.socket.destroy();
  await asking(yes, async (jupyter, asked) => {
    assert.equal(await jupyter.shutdown(), true);
    assert.deepEqual(asked, ['POST /user/alice/api/shutdown token t']);
  });
  assert.equal(await asking(no, (jupyter) => jupyter.shutdown()), false);
  assert.equal(await asking(gone, (jupyter) => jupyter.shutdown()), false);
});
